"""Sizes and published options of the `full` model."""

import json
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

InputMode = Literal["rgb", "rgb_alpha", "rgb_camera", "rgb_alpha_camera"]
PnccCondition = Literal["cano_src_tgt", "cano_tgt"]
PlaneFusion = Literal["add", "mul"]
TorsoInput = Literal["rgb", "rgb_alpha"]
Fusion = Literal["v1", "v2", "v3", "concat"]

CHOICES: dict[str, tuple[Any, ...]] = {
    "input_mode": get_args(InputMode),
    "pncc_condition": get_args(PnccCondition),
    "plane_fusion": get_args(PlaneFusion),
    "torso_input": get_args(TorsoInput),
    "fusion": get_args(Fusion),
    "torso_keypoints": (4, 9),
    "torso_warp": (1, 2),
}
STAGES = ("resnet_depths", "adapter_dims", "adapter_depths", "adapter_heads", "adapter_reductions")
MAY_BE_ZERO = ("importance_samples", "large_sr_blocks")


@dataclass(frozen=True)
class FullConfig:
    """Every size and option of `FullPortrait`; the defaults are those of the published checkpoints.

    Attributes:
        plane_channels: Channels C of each plane; also of the rendered features.
        plane_depth: Texels D across each plane: 1 is a tri-plane, 3 the published tri-grid.
        plane_resolution: Side of the planes; half of `picture_size`.
        picture_size: Side of the head picture, of the PNCC pictures and of the result.
        ray_grid: Rays per side; a quarter of `picture_size`.
        samples, importance_samples: Samples per ray of the first and of the second march.
        box_warp: Side of the cube that the planes cover, world units.
        decoder_hidden: Hidden width of the plane decoder.
        w_dim: Length of the constant w that modulates the super-resolution.
        input_mode: What image-to-plane sees beside two coordinate channels: colour; with the alpha of the
            head; with three channels made of the camera.
        vit_depth: Blocks of the low-resolution transformer: published "small" 2, "standard" 5, "large" 10.
        predictor_depth: Blocks of the plane predictor: 1, or 3 in "large".
        vit_dim: Width of both transformers.
        vit_heads: Their heads.
        resnet_width, resnet_depths: ResNet-34: width of its first stage, blocks of its four stages.
        aspp_width: Width of the atrous pyramid.
        feature_width: Channels in which the two branches of image-to-plane meet.
        detail_width: First width of the high-resolution branch.
        mixing_width: Width of the convolutions around the transformers.
        pncc_condition: Canonical, source and target PNCC, or canonical and target.
        plane_fusion: The diff-plane is added to the canonical plane, or multiplies it.
        adapter_dims, adapter_depths, adapter_heads, adapter_reductions: The MiT encoder; defaults are b0.
        adapter_width: Width of the SegFormer head and of the to-plane convolutions.
        sr_width: Width of the first super-resolution block; the second has half of it.
        large_sr, large_sr_blocks: Residual blocks after each super-resolution block, and how many.
        has_torso: With torso and background; else the head alone with the plain super-resolution.
        torso_input: Whether the torso picture comes with alpha.
        torso_keypoints: 4 of the 68 (0, 8, 16, 27), or 9 (0, 3, 6, 8, 10, 13, 16, 27, 33).
        torso_warp: Published torso model: 2 moves the torso by what the drawn head looks like, too; 1 by the
            key-points alone.
        torso_width: First width of the torso's appearance extractor and last of its generator.
        torso_channels, torso_depth: Channels and depth of the torso's feature volume.
        torso_levels: Halvings in the hourglass of the torso's motion, from an eighth of the picture.
        fusion: How head and torso features meet: added by alpha ("v1"), concatenated after it ("v2"), with a
            predicted alpha ("v3"), or concatenated without any, the paper's ablation ("concat").
        head_threshold: Where the head's alpha is above this it is opaque; None or 1.0 turns this off.
    """

    plane_channels: int = 32
    plane_depth: int = 3
    plane_resolution: int = 256
    picture_size: int = 512
    ray_grid: int = 128
    samples: int = 48
    importance_samples: int = 48
    box_warp: float = 1.0
    decoder_hidden: int = 64
    w_dim: int = 512
    input_mode: InputMode = "rgb"
    vit_depth: int = 5
    predictor_depth: int = 1
    vit_dim: int = 1024
    vit_heads: int = 4
    resnet_width: int = 64
    resnet_depths: tuple[int, ...] = (3, 4, 6, 3)
    aspp_width: int = 256
    feature_width: int = 96
    detail_width: int = 64
    mixing_width: int = 128
    pncc_condition: PnccCondition = "cano_src_tgt"
    plane_fusion: PlaneFusion = "add"
    adapter_dims: tuple[int, ...] = (32, 64, 160, 256)
    adapter_depths: tuple[int, ...] = (2, 2, 2, 2)
    adapter_heads: tuple[int, ...] = (1, 2, 5, 8)
    adapter_reductions: tuple[int, ...] = (8, 4, 2, 1)
    adapter_width: int = 256
    sr_width: int = 256
    large_sr: bool = False
    large_sr_blocks: int = 0
    has_torso: bool = True
    torso_input: TorsoInput = "rgb"
    torso_keypoints: int = 4
    torso_warp: Literal[1, 2] = 2
    torso_width: int = 64
    torso_channels: int = 32
    torso_depth: int = 16
    torso_levels: int = 5
    fusion: Fusion = "v2"
    head_threshold: float | None = 0.9

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, list):  # JSON has no tuples
                value = tuple(value)
                object.__setattr__(self, field.name, value)
            _check(field.name, value)
        for name in STAGES:
            if len(getattr(self, name)) != 4:
                raise ValueError(f"FullConfig.{name} must have four stages, got {getattr(self, name)!r}")
        for dim, heads in [
            *zip(self.adapter_dims, self.adapter_heads, strict=True),
            (self.vit_dim, self.vit_heads),
        ]:
            if dim % heads:
                raise ValueError(f"a width of {dim} cannot be divided among {heads} heads")
        if self.vit_dim % 4:
            raise ValueError(f"FullConfig.vit_dim must be a multiple of 4, got {self.vit_dim}")
        size = self.picture_size
        if size % 64 or (self.plane_resolution, self.ray_grid) != (size // 2, size // 4):
            raise ValueError(
                f"picture_size must be a multiple of 64, plane_resolution its half and ray_grid its quarter, "
                f"got {size}, {self.plane_resolution} and {self.ray_grid}"
            )
        if self.has_torso and size // 8 % (1 << self.torso_levels):
            raise ValueError(
                f"the torso's motion works at {size // 8} texels a side, which FullConfig.torso_levels "
                f"{self.torso_levels} does not halve evenly"
            )

    def to_dict(self) -> dict[str, Any]:
        """A JSON-able dictionary; `FullConfig(**d)` reads it back."""
        return json.loads(json.dumps(asdict(self)))


def _check(name: str, value: Any) -> None:
    """Refuse a value out of range; quotes it."""
    if name in CHOICES:
        if value not in CHOICES[name]:
            raise ValueError(f"FullConfig.{name} must be one of {CHOICES[name]}, got {value!r}")
    elif name in ("large_sr", "has_torso"):
        if not isinstance(value, bool):
            raise ValueError(f"FullConfig.{name} must be true or false, got {value!r}")
    elif name == "head_threshold":
        if value is not None and not 0 < value <= 1:
            raise ValueError(f"FullConfig.head_threshold must be in (0, 1] or None, got {value!r}")
    else:
        least = 0 if name in MAY_BE_ZERO else 1
        numbers = value if isinstance(value, tuple) else (value,)
        if any(number < least and not (name == "box_warp" and number > 0) for number in numbers):
            raise ValueError(f"FullConfig.{name} must be at least {least}, got {value!r}")
