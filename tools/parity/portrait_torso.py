"""Head-torso-background stages of the published renderer beside ours: same random weights, same inputs."""

import contextlib
from collections.abc import Iterator
from typing import NamedTuple
from unittest import mock

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from portrait3d.full.config import FullConfig
from portrait3d.full.head_torso_background import HeadTorsoBackground
from portrait3d.full.torso_motion import KEYPOINTS, keypoints_in_volume, torso_keypoints

DECISIVE = 30.0


class TorsoInputs(NamedTuple):
    """What both are given; shapes as `HeadTorsoBackground` documents them, key-points (B, 68, 3)."""

    raw: Tensor
    features: Tensor
    opacity: Tensor
    torso: Tensor
    segmentation: Tensor  # (B, 6, S, S) in {0, 1}: background, hair, neck, face, clothes, others
    background: Tensor
    source: Tensor
    target: Tensor


def torso_inputs(config: FullConfig, seed: int, batch: int = 1) -> TorsoInputs:
    """Smooth random pictures, a head in the middle, a torso below."""
    generator = torch.Generator().manual_seed(seed)
    size, grid = config.picture_size, config.ray_grid

    def smooth(channels: int, side: int, cells: int = 16) -> Tensor:
        noise = torch.randn(batch, channels, cells, cells, generator=generator)
        return F.interpolate(noise, (side, side), mode="bicubic", align_corners=False)

    features = smooth(config.plane_channels, grid).tanh()
    y, x = torch.meshgrid(torch.linspace(-1, 1, size), torch.linspace(-1, 1, size), indexing="ij")
    head = ((x / 0.45) ** 2 + ((y + 0.2) / 0.6) ** 2 < 1)[None, None]
    neck = (x.abs() < 0.25)[None, None] & (y > 0.2)[None, None] & ~head
    clothes = (y > 0.6 - 0.3 * (1 - x**2))[None, None] & ~head & ~neck
    other = ~(head | neck | clothes)
    nothing = torch.zeros_like(head)
    segmentation = (
        torch.cat([other, nothing, neck, head, clothes, nothing], 1).float().expand(batch, -1, -1, -1)
    )
    torso_mask = segmentation[:, [2, 4]].sum(1, keepdim=True)
    torso = smooth(3, size).tanh() * torso_mask + torso_mask - 1
    opacity = (
        F.interpolate(segmentation[:, 3:4], (grid, grid), mode="area") * (smooth(1, grid) * 2 + 2).sigmoid()
    )
    source = torch.rand(batch, 68, 3, generator=generator) - 0.5
    source[..., 2] = 0
    target = source + 0.1 * torch.randn(batch, 68, 3, generator=generator)
    target[..., 2] = 0
    return TorsoInputs(
        features[:, :3], features, opacity, torso, segmentation, smooth(3, size).tanh(), source, target
    )


def enliven(theirs: nn.Module) -> None:
    """Make random weights behave as trained ones; to be called before ours read them.

    Spectral norm divides by what its stored vectors say; those of a fresh layer are no singular vectors, and
    the quotient is anything up to infinity: a few power iterations make them so. What precedes a softmax or
    sigmoid is enlarged, so that masks and occlusions vary over the picture.

    Args:
        theirs: Their `superresolution` with torso.
    """
    with torch.no_grad():
        for layer in theirs.modules():
            if hasattr(layer, "weight_u"):
                weight = layer.weight_orig.flatten(1)
                for _ in range(20):
                    layer.weight_v.copy_(F.normalize(weight.T @ layer.weight_u, dim=0))
                    layer.weight_u.copy_(F.normalize(weight @ layer.weight_v, dim=0))
        motion = theirs.torso_model.motion_field_estimator
        decisive = [motion.mask_conv, motion.occlusion_conv, motion.occlusion_conv2]
        decisive.append(theirs.torso_model.occlusion_2_predictor[-2])
        if hasattr(theirs, "head_torso_alpha_predictor"):
            decisive.append(theirs.head_torso_alpha_predictor[-2])
        for layer in decisive:
            layer.weight.mul_(DECISIVE)


@contextlib.contextmanager
def on_this_device() -> Iterator[None]:
    """Their `.cuda()` calls leave tensors where they are."""
    with mock.patch.object(Tensor, "cuda", lambda self, *args, **options: self):
        yield


def torso_stages(
    theirs: nn.Module, ours: HeadTorsoBackground, config: FullConfig, inputs: TorsoInputs
) -> dict[str, tuple[Tensor, Tensor]]:
    """Every stage's outcome (theirs, ours); each stage is fed what their previous one gave.

    Args:
        theirs: Their `superresolution`, with torso, in evaluation mode.
        ours: With their weights.
        config: The options of both.
        inputs: As `torso_inputs` makes them.
    """
    seen = _record(theirs, config, inputs)
    warp = ours.torso_warp
    mask = inputs.segmentation[:, [2, 4]]
    constants = ours.constants(inputs.torso, mask, inputs.background)
    source = keypoints_in_volume(torso_keypoints(inputs.source, config.torso_keypoints), len(inputs.raw))
    target = keypoints_in_volume(torso_keypoints(inputs.target, config.torso_keypoints), len(inputs.raw))
    half = {"size": (config.picture_size // 2,) * 2, "mode": "bilinear", "align_corners": False}
    drawn = F.interpolate(torch.cat([inputs.raw, inputs.opacity], 1), **half)
    field = warp.motion(constants.torso.compressed, source, target, drawn[:, :3], drawn[:, 3:])
    appearance, deformation = seen["generator_in"][:2]
    picture, features = warp.generator(appearance, deformation)
    end = ours(
        inputs.raw,
        inputs.features,
        inputs.opacity,
        torso_keypoints(inputs.source, config.torso_keypoints),
        torso_keypoints(inputs.target, config.torso_keypoints),
        constants,
    )
    pairs = {
        "torso appearance": (seen["generator_in"][0], constants.torso.appearance),
        "torso deformation": (seen["motion_out"][0], field.deformation),
        "torso occlusion": (seen["motion_out"][1], field.occlusion),
        "torso blend occlusion": (seen["motion_out"][2], field.blend_occlusion),
        "torso generator picture": (seen["generator_out"][0], picture),
        "torso generator features": (seen["generator_out"][1], features),
        "torso warp picture": (seen["torso_out"][0], end.torso),
        "torso warp alpha": (seen["torso_out"][1]["occlusion_2"], end.torso_occlusion),
        "background features": (seen["background"], constants.background.features),
        "head-torso-background": (seen["picture"], end.picture),
    }
    if "head_alpha" in seen:
        alpha = torch.minimum(seen["head_alpha"], drawn[:, 3:])
        pairs["head alpha"] = (alpha, end.head_alpha)
    return pairs


def _record(theirs: nn.Module, config: FullConfig, inputs: TorsoInputs) -> dict[str, object]:
    """Run theirs once and keep what goes in and out of its stages."""
    seen: dict[str, object] = {}
    torso = theirs.torso_model

    def keep(name: str, module: nn.Module, given: bool = False) -> object:
        def hook(_: nn.Module, args: tuple[object, ...], out: object) -> None:
            seen[name] = args if given else out

        return module.register_forward_hook(hook)

    handles = [
        keep("generator_in", torso.deform_based_generator, given=True),
        keep("generator_out", torso.deform_based_generator),
        keep("motion_out", torso.motion_field_estimator),
        keep("background", theirs.bg_encoder),
    ]
    if config.fusion == "v3":
        handles.append(keep("head_alpha", theirs.head_torso_alpha_predictor))
    # Their torso model is called by its `forward`, past any hook.
    called = type(torso).forward

    def torso_forward(*args: object, **options: object) -> object:
        seen["torso_out"] = called(torso, *args, **options)
        return seen["torso_out"]

    whole = torch.ones(len(inputs.raw), 14, config.w_dim)
    landmarks = (inputs.source, inputs.target)
    assert max(KEYPOINTS[config.torso_keypoints]) < landmarks[0].shape[1]
    try:
        with on_this_device(), mock.patch.object(torso, "forward", torso_forward):
            seen["picture"], _ = theirs(
                inputs.raw,
                inputs.features,
                whole,
                inputs.torso,
                inputs.background,
                inputs.opacity,
                inputs.segmentation,
                *landmarks,
                noise_mode="none",
            )
    finally:
        for handle in handles:
            handle.remove()
    return seen
