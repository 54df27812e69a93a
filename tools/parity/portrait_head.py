"""The head's stages of the published renderer beside ours: what goes in, and what comes out of each."""

from collections.abc import Callable
from typing import Any

import torch
from published_modules import give_density
from torch import Tensor, nn
from torch.nn import functional as F

from portrait3d.full.config import FullConfig
from portrait3d.full.head_renderer import render_head
from portrait3d.full.image_to_plane import ImageToPlane
from portrait3d.full.model import FullPortrait, pose_camera

I2P, ADAPTER = "cano_img2plane_backbone", "secc_img2plane_backbone"
Stage = tuple[str, Tensor, Tensor]  # name, published, ours


class Recorder:
    """Keeps what the published modules are given and what they answer, by name."""

    def __init__(self, model: nn.Module, names: list[str]) -> None:
        self.given: dict[str, tuple[Any, ...]] = {}
        self.answers: dict[str, Any] = {}
        for name in names:
            model.get_submodule(name).register_forward_hook(self._keeper(name))

    def _keeper(self, name: str) -> Callable[..., None]:
        def keep(_: nn.Module, given: tuple[Any, ...], answer: Any) -> None:
            # Some of their layers work in place on what they are given or gave.
            self.given[name] = tuple(x.clone() if isinstance(x, Tensor) else x for x in given)
            self.answers[name] = answer.clone() if isinstance(answer, Tensor) else answer

        return keep


def smooth_picture(generator: torch.Generator, channels: int, size: int) -> Tensor:
    """(1, channels, S, S) in [-1, 1]: coarse noise with some fine noise on it."""
    coarse = torch.randn(1, channels, size // 32, size // 32, generator=generator)
    coarse = F.interpolate(coarse, (size, size), mode="bicubic", align_corners=False)
    return (0.6 * coarse + 0.1 * torch.randn(1, channels, size, size, generator=generator)).clamp(-1, 1)


def smooth_planes(shape: tuple[int, ...], seed: int) -> Tensor:
    """(1, 3, C D, R, R) that change over a sixteenth of their side, of deviation about 2."""
    coarse = torch.randn(1, 3 * shape[2], 16, 16, generator=torch.Generator().manual_seed(seed))
    return 2 * F.interpolate(coarse, shape[3:], mode="bicubic").unflatten(1, (3, -1))


def orbit_camera(pitch: float, yaw: float, radius: float = 2.7) -> Tensor:
    """(1, 25): a camera that looks at the origin; angles in radians, intrinsics the published constants."""
    p, y = torch.tensor(pitch), torch.tensor(yaw)
    back = torch.stack([y.sin() * p.cos(), p.sin(), y.cos() * p.cos()])
    right = torch.stack([y.cos(), torch.zeros(()), -y.sin()])
    pose = torch.eye(4)
    pose[:3, :3] = torch.stack([right, torch.linalg.cross(right, back), -back], 1)
    pose[:3, 3] = radius * back
    focal = 2985.29 / 700
    intrinsics = torch.tensor([[focal, 0, 0.5], [0, focal, 0.5], [0, 0, 1]])
    return torch.cat([pose.flatten(), intrinsics.flatten()])[None]


def conditions(config: FullConfig, seed: int) -> dict[str, Tensor]:
    """Head picture with alpha and camera, three PNCC pictures, the camera of the frame; published names."""
    generator = torch.Generator().manual_seed(seed)
    size = config.picture_size
    line = torch.linspace(-1, 1, size)
    alpha = ((line[:, None] ** 2 / 0.7 + line**2 / 0.4) < 1).float()[None, None]
    pictures = {f"cond_{name}": smooth_picture(generator, 3, size) for name in ("cano", "src", "tgt")}
    masked = {name: torch.where(alpha > 0, picture, -1.0) for name, picture in pictures.items()}
    return masked | {
        "head": torch.where(alpha > 0, smooth_picture(generator, 3, size), -1.0),
        "ref_alphas": alpha,
        "ref_cameras": orbit_camera(0.05, -0.1),
        "camera": orbit_camera(0.1, 0.3),
    }


def head_modules(config: FullConfig, *, learned_planes: bool = False) -> list[str]:
    """Their modules whose inputs and outputs are compared; with learned planes image-to-plane is not run."""
    names = [ADAPTER, *(f"{ADAPTER}.{part}" for part in ("prenet", "mix_vit", "fuse_head"))]
    names += ["renderer", "superresolution"]
    if learned_planes:
        return names
    parts = ("low_reso_encoder.encoder", "low_reso_encoder", "low_reso_vit", "high_reso_encoder")
    names += [f"{I2P}.{part}" for part in (*parts, "triplane_predictor_vit")]
    return [*names, "plane2grid_module"] if config.plane_depth > 1 else names


def head_stages(ours: FullPortrait, seen: Recorder, given: dict[str, Tensor]) -> list[Stage]:
    """Every stage of the head, ours from what the published stage was given."""
    made = image_to_plane_stages(ours.image_to_plane, seen) if f"{I2P}.low_reso_vit" in seen.given else []
    if "plane2grid_module" in seen.given and ours.plane_grid is not None:
        planes = seen.given["plane2grid_module"][0].unflatten(1, (3, -1))
        made.append(("plane to grid", seen.answers["plane2grid_module"], ours.plane_grid(planes)))
    return made + motion_stages(ours, seen, given) + rendering_stages(ours, seen, given)


def image_to_plane_stages(ours: ImageToPlane, seen: Recorder) -> list[Stage]:
    """Encoder, transformer, high-resolution branch and predictor."""
    low = ours.low
    encoder, vit, high = (
        f"{I2P}.{part}" for part in ("low_reso_encoder", "low_reso_vit", "high_reso_encoder")
    )
    predictor = f"{I2P}.triplane_predictor_vit"
    picture = seen.given[encoder][0]
    x = low.transformer(seen.given[vit][0])
    for convolve in low.convs:
        x = F.relu(convolve(low.upsample(x)))
    return [
        ("ResNet-34", seen.answers[f"{encoder}.encoder"][-1], low.encoder.encoder(picture)),
        ("DeepLabV3", seen.answers[encoder], low.encoder(picture)),
        ("low-resolution transformer", seen.answers[vit], low.out(x)),
        ("high-resolution branch", seen.answers[high], ours.high(picture)),
        ("plane predictor", seen.answers[predictor], ours.predictor(*seen.given[predictor])),
    ]


def motion_stages(ours: FullPortrait, seen: Recorder, given: dict[str, Tensor]) -> list[Stage]:
    """The motion adapter: linear layer, encoder, head and diff-plane."""
    motion = ours.motion_adapter
    encoder, head = f"{ADAPTER}.mix_vit", f"{ADAPTER}.fuse_head"
    still = motion.still(given["cond_cano"], given["cond_src"])
    weight, _ = motion.first_layer()
    first = still + F.conv2d(given["cond_tgt"], weight[:, -3:])
    levels = zip(seen.answers[encoder], motion.encoder(seen.given[encoder][0]), strict=True)
    return [
        ("PNCC layer", seen.answers[f"{ADAPTER}.prenet"], first),
        *((f"MiT stage {n + 1}", *pair) for n, pair in enumerate(levels)),
        ("SegFormer head", seen.answers[head], motion.head(seen.given[head][0])),
        ("motion adapter", seen.answers[ADAPTER], motion(still, given["cond_tgt"])),
    ]


def rendering_stages(ours: FullPortrait, seen: Recorder, given: dict[str, Tensor]) -> list[Stage]:
    """Volume rendering of the published planes."""
    planes = seen.given["renderer"][0]
    return renders("rendered", ours, seen.answers["renderer"], planes, given["camera"])


def steep_rendering_stages(
    theirs: nn.Module, ours: FullPortrait, seen: Recorder, camera: Tensor, seed: int
) -> list[Stage]:
    """Volume rendering of smooth planes through densities from empty to opaque; changes both decoders."""
    planes = smooth_planes(tuple(seen.given["renderer"][0].shape), seed)
    give_density(theirs.decoder.net, logit=-2.0, gain=20.0)
    named = {"hidden": theirs.decoder.net[0], "out": theirs.decoder.net[2]}
    for name, layer in named.items():
        getattr(ours.decoder, name).load_state_dict(layer.state_dict())
    answer = theirs.renderer(planes, *seen.given["renderer"][1:])
    return renders("opaque render,", ours, answer, planes, camera)


def renders(
    name: str, ours: FullPortrait, published: tuple[Tensor, ...], planes: Tensor, camera: Tensor
) -> list[Stage]:
    """Features, depth and opacity of planes (1, 3, C D, R, R)."""
    config = ours.config
    grids = planes if config.plane_depth == 1 else planes.unflatten(2, (-1, config.plane_depth))
    head = render_head(grids, ours.decoder, *pose_camera(camera), config)
    features, depth, weights, _ = published
    return [
        (f"{name} features", features, head.features.flatten(2).mT),
        (f"{name} depth", depth, head.depth.flatten(2).mT),
        (f"{name} opacity", weights, head.opacity.flatten(2).mT),
    ]
