"""Sizes of the portrait model: one set of modules, two presets."""

from dataclasses import asdict, dataclass, fields
from typing import Any

CHOICES = {
    "adapter_from_rest": (True, False),
    "encoder_aligned": (True, False),
    "torso_keypoint_source": ("face_model", "learned"),
    "fusion": ("alpha", "concat"),
}


@dataclass(frozen=True)
class PortraitConfig:
    """Every size of `Portrait3D`; the defaults are the preset `small`.

    Attributes:
        plane_channels: Channels C of each of the three planes.
        plane_resolution: Side of the planes that image-to-plane predicts.
        box_warp: Side of the cube that the planes cover, in world units.
        decoder_hidden: Hidden width of the plane decoder.
        ray_grid: Rays per side over the whole picture; the picture is 4 x as large.
        ray_samples: Samples per ray between the two surfaces of `head_radii`.
        head_centre: Centre of the ellipsoid that bounds the head, world units.
        head_radii: Its half axes; rays are cast only where they cross it.
        pncc_size: Side of the PNCC pictures.
        adapter_dims, adapter_depths, adapter_heads, adapter_reductions: The MiT encoder's four stages.
        adapter_from_rest: The diff-plane of the face at rest is taken off, so that rest moves nothing.
        adapter_width: Width of the SegFormer head and of the to-plane convolutions.
        encoder_width: Width of image-to-plane's convolutions.
        encoder_tokens: Width of its transformer blocks.
        encoder_depth: Number of its transformer blocks.
        encoder_aligned: Image-to-plane begins with the picture turned to the front (`SurfaceAlignment`); it
            then needs the picture's camera.
        super_resolution_width: Width of the super-resolution at the ray grid's size.
        torso_width: Width of the torso warp network.
        torso_keypoints: Number of head key-points that drive the torso.
        torso_keypoint_source: "face_model", or "learned" by a detector without labels (the paper's ablation).
        fusion: How the head meets what is behind it: "alpha", or "concat" (the paper's ablation).
    """

    plane_channels: int = 24
    plane_resolution: int = 128
    box_warp: float = 1.0
    decoder_hidden: int = 32
    ray_grid: int = 128
    ray_samples: int = 28
    head_centre: tuple[float, float, float] = (0.0, 0.09, 0.07)
    head_radii: tuple[float, float, float] = (0.32, 0.40, 0.27)
    pncc_size: int = 256
    adapter_dims: tuple[int, ...] = (32, 48, 80, 128)
    adapter_depths: tuple[int, ...] = (1, 1, 1, 1)
    adapter_heads: tuple[int, ...] = (1, 2, 4, 4)
    adapter_reductions: tuple[int, ...] = (8, 4, 2, 1)
    adapter_from_rest: bool = True
    adapter_width: int = 64
    encoder_width: int = 32
    encoder_tokens: int = 128
    encoder_depth: int = 3
    encoder_aligned: bool = False
    super_resolution_width: int = 48
    torso_width: int = 16
    torso_keypoints: int = 4
    torso_keypoint_source: str = "face_model"
    fusion: str = "alpha"

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, list):  # JSON has no tuples
                object.__setattr__(self, field.name, tuple(value))
                value = tuple(value)
            numbers = value if isinstance(value, tuple) else (value,)
            if field.name in CHOICES:
                if not any(type(value) is type(choice) and value == choice for choice in CHOICES[field.name]):
                    wanted = " or ".join(str(choice).lower() for choice in CHOICES[field.name])
                    raise ValueError(f"PortraitConfig.{field.name} must be {wanted}, got {value!r}")
            elif any(not isinstance(number, int | float) for number in numbers):
                raise ValueError(f"PortraitConfig.{field.name} must be a number, got {value!r}")
            elif field.name != "head_centre" and any(number <= 0 for number in numbers):
                raise ValueError(f"PortraitConfig.{field.name} must be positive, got {value!r}")
        stages = {len(getattr(self, f"adapter_{name}")) for name in ("dims", "depths", "heads", "reductions")}
        if stages != {4}:
            raise ValueError(f"the MiT encoder has four stages, got lists of {sorted(stages)} entries")
        for dim, heads in zip(self.adapter_dims, self.adapter_heads, strict=True):
            if dim % heads:
                raise ValueError(f"adapter_dims {dim} cannot be divided among {heads} heads")
        if self.encoder_aligned and (self.plane_channels < 4 or self.decoder_hidden < 8):
            raise ValueError(
                f"encoder_aligned needs plane_channels >= 4 and decoder_hidden >= 8, "
                f"got {self.plane_channels} and {self.decoder_hidden}"
            )
        if self.pncc_size % 32 or self.plane_resolution % 32:
            raise ValueError(
                f"pncc_size and plane_resolution must be multiples of 32, "
                f"got {self.pncc_size} and {self.plane_resolution}"
            )

    @property
    def picture_size(self) -> int:
        """Side of the finished picture in pixels: four pixels per ray, as published."""
        return 4 * self.ray_grid

    def to_dict(self) -> dict[str, Any]:
        """A JSON-able dictionary; `PortraitConfig(**d)` reads it back."""
        return asdict(self)


SMALL = PortraitConfig()
