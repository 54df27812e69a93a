"""A person from one picture: planes by image-to-plane, then, on request, refined on that picture.

Source: Real3D-Portrait (Ye et al. 2024), section 3, stops at the first. The refinement is beyond it: a small
network that has seen few people meets the picture's general look only, and a few dozen steps on the planes
alone give it the likeness. Learned from one side, planes put the picture anywhere along its rays; so it is
learned from other sides too, as `PictureViews` guesses them.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional as F

from portrait3d.adaptation import PortraitAdaptation, predict_planes
from portrait3d.clip import PortraitClip, pncc_to_float
from portrait3d.frame_loss import MARGIN, LossWeights, frame_loss, training_window
from portrait3d.head_bounds import Window
from portrait3d.identity import Identity
from portrait3d.losses import entropy_loss, pyramid_loss, total_variation, weighted_l1
from portrait3d.model import Portrait3D
from portrait3d.torso_layer import fill_from_known, torso_layer
from triplane_render import Rays, render_planes


@dataclass(frozen=True)
class PictureViews:
    """The head of one picture from other sides, as far as its depth is known.

    Attributes:
        frames: (N, 3, S, S) in [0, 1].
        known: (N, 1, S, S) in [0, 1], how far a pixel is to be believed.
        silhouette: (N, 1, S, S) in [0, 1], 0 where the head cannot be.
        opened: (N, 1, S, S) in [0, 1], where something appears that the picture does not show: the inside of
            the mouth. The network's own idea of it is kept.
        camera_to_world: (N, 4, 4).
        intrinsics: (N, 3, 3), normalised.
        pncc: (N, 3, P, P) in [-1, 1], of the expression in each.
    """

    frames: Tensor
    known: Tensor
    silhouette: Tensor
    opened: Tensor
    camera_to_world: Tensor
    intrinsics: Tensor
    pncc: Tensor

    def to(self, device: torch.device | str) -> "PictureViews":
        """The views on a device."""
        return PictureViews(**{name: value.to(device) for name, value in vars(self).items()})

    def __post_init__(self) -> None:
        lengths = {name: len(value) for name, value in vars(self).items()}
        if len(set(lengths.values())) != 1 or not len(self.frames):
            raise ValueError(f"PictureViews needs equally many of everything, got {lengths}")


@dataclass(frozen=True)
class RefineConfig:
    """How planes are refined on one picture.

    Attributes:
        steps: Optimiser steps on finished pictures.
        coarse_steps: Steps before them on the ray grid alone, which put colour and depth in their places.
        seed: Of every random choice.
        learning_rate: Peak rate of Adam for the planes.
        turned: Share of the steps that learn from another side.
        invented: Weight of the colours that the picture does not show, taken from what is next to them.
        opened: Weight of the inside of the mouth, which the network remembers.
        window: Side of the training window in rays.
        plane_resolution: Side of the refined planes.
    """

    steps: int = 60
    coarse_steps: int = 90
    seed: int = 0
    learning_rate: float = 4e-2
    turned: float = 0.5
    invented: float = 0.2
    opened: float = 0.7
    window: int = 56
    plane_resolution: int = 192

    def __post_init__(self) -> None:
        for name in ("steps", "learning_rate", "window", "plane_resolution"):
            if getattr(self, name) <= 0:
                raise ValueError(f"RefineConfig.{name} must be positive, got {getattr(self, name)!r}")
        if self.coarse_steps < 0:
            raise ValueError(f"RefineConfig.coarse_steps must not be negative, got {self.coarse_steps!r}")
        for name in ("turned", "invented", "opened"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"RefineConfig.{name} must be in [0, 1], got {getattr(self, name)!r}")


@torch.no_grad()
def one_shot_identity(model: Portrait3D, picture: PortraitClip, index: int = 0) -> Identity:
    """The person of one picture as the network sees them, without any learning.

    Args:
        model: The generic model.
        picture: A clip of one frame, or a longer one of which one frame is used.
        index: Which.

    Returns:
        The person, on the model's device.
    """
    person = Identity(
        planes=predict_planes(model, picture, index)[0],
        torso=torso_layer(picture.frames[index], picture.torso_mask[index], picture.head_mask[index]),
        background=picture.background.permute(2, 0, 1).float() / 127.5 - 1,
        canonical_pncc=pncc_to_float(picture.canonical_pncc),
        source_pncc=picture.driving_pncc(index)[0],
        source_keypoints=picture.keypoints[index],
    )
    return person.to(person.planes.device)


def refined_identity(
    model: Portrait3D,
    picture: PortraitClip,
    views: PictureViews,
    config: RefineConfig,
    progress: Callable[[int, int, dict[str, float]], None] | None = None,
) -> Identity:
    """The person of one picture, planes learned on it; the network itself stays as it is.

    Args:
        model: The generic model; left in evaluation mode, without gradients. Planes learn on its device.
        picture: A clip of one frame.
        views: Its head from other sides.
        config: Settings.
        progress: Called after each step with (steps done, steps in all, loss).
    """
    model.eval().requires_grad_(False)
    backbone = PortraitAdaptation(
        model,
        picture,
        0,
        plane_resolution=config.plane_resolution,
        window=config.window,
        guided=False,  # one expression does not tell what a guide is to do with another
    )
    groups = [
        {"params": [value], "base": config.learning_rate * factor}
        for value, factor in backbone.static_parameters().values()
    ]
    optimizer = torch.optim.Adam(groups, lr=0.0, betas=(0.9, 0.98))
    layers, views = backbone.layers(), views.to(backbone.device)
    shown_picture = picture.to(backbone.device)
    with torch.no_grad():
        expressions = torch.cat([layers.source, views.pncc])
        diffs = model.motion_adapter(layers.canonical, layers.source, expressions).split(1)
        views = _with_openings(backbone, views, diffs[1:], config)
        filled = fill_from_known(views.frames, views.known)
    total = config.coarse_steps + config.steps
    shown = _shown(shown_picture, views, filled, config)
    for step in range(total):
        for group in optimizer.param_groups:
            group["lr"] = group["base"] * min(1.0, (step + 1) / 5, 0.05 + 1.9 * (1 - step / total))
        generator = torch.Generator().manual_seed(config.seed * 1_000_003 + step)
        if step < config.coarse_steps:
            loss = _coarse_loss(backbone, shown, step, diffs)
        elif float(torch.rand((), generator=generator)) < config.turned:
            number = int(torch.randint(len(views.frames), (), generator=generator))
            loss = _turned_loss(backbone, views, filled, number, diffs[number + 1], config, generator)
        else:
            window = training_window(model, picture, 0, config.window, generator)
            loss, _ = frame_loss(model, shown_picture, backbone.layers(), diffs[0], 0, window, LossWeights())
        loss = loss + backbone.plane_variation * total_variation(backbone.planes)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        if progress is not None:
            progress(step + 1, total, {"loss": float(loss.detach())})
    return backbone.identity()


def _with_openings(
    backbone: PortraitAdaptation, views: PictureViews, diffs: tuple[Tensor, ...], config: RefineConfig
) -> PictureViews:
    """The views with the inside of the mouth as the network draws it before it learns anything."""
    frames, model = views.frames.clone(), backbone.model
    for number in torch.nonzero(views.opened.flatten(1).any(1)).flatten().tolist():
        planes = model.add_diff(backbone.planes[None], diffs[number])
        pose, lens = views.camera_to_world[number][None], views.intrinsics[number][None]
        head = model.render_head(planes, pose, lens)
        rows, columns = head.window.pixels()
        share = views.opened[number, :, rows, columns]
        frames[number, :, rows, columns] += share * (
            head.colour[0].clamp(0, 1) - frames[number, :, rows, columns]
        )
    known = torch.maximum(views.known, config.opened * views.opened)
    return replace(views, frames=frames, known=known)


def _shown(picture: PortraitClip, views: PictureViews, filled: Tensor, config: RefineConfig) -> PictureViews:
    """The picture itself and its other sides at the ray grid's size; `known` also weighs what is invented."""
    mask = picture.mask("head_mask", 0)
    heed = torch.maximum(views.known, config.invented * views.silhouette)
    return PictureViews(
        F.avg_pool2d(torch.cat([picture.picture(0), filled]), 4),
        F.avg_pool2d(torch.cat([mask, heed]), 4),
        F.avg_pool2d(torch.cat([mask, views.silhouette]), 4),
        F.avg_pool2d(torch.cat([0 * mask, views.opened]), 4),
        torch.cat([picture.camera_to_world, views.camera_to_world]),
        torch.cat([picture.intrinsics, views.intrinsics]),
        torch.cat([picture.driving_pncc(0), views.pncc]),
    )


def _coarse_loss(
    backbone: PortraitAdaptation, shown: PictureViews, step: int, diffs: tuple[Tensor, ...]
) -> Tensor:
    """How far colour and opacity of a quarter of the rays differ from one of the pictures, each in turn."""
    turn, number = divmod(step, len(shown.frames))
    model, config = backbone.model, backbone.model.config
    rays, near, far = model.head_rays(shown.camera_to_world[number][None], shown.intrinsics[number][None])
    grid = torch.arange(config.ray_grid**2, device=near.device).reshape(config.ray_grid, -1)
    chosen = grid[(turn + number) % 2 :: 2, turn // 2 % 2 :: 2].flatten()
    chosen = chosen[(far > near)[0, chosen]]
    out = render_planes(
        model.add_diff(backbone.planes[None], diffs[number]),
        model.decoder.weights(),
        Rays(rays.origins[:, chosen], rays.directions[:, chosen]),
        near=near[:, chosen],
        far=far[:, chosen],
        samples=config.ray_samples,
        box_warp=config.box_warp,
    )
    wanted, heed, inside = (
        part[number].flatten(1).T[chosen] for part in (shown.frames, shown.known, shown.silhouette)
    )
    opacity = out.opacity.reshape(-1, 1)
    outside = 1 - inside
    colour = ((out.features[0, :, :3] - wanted).abs() * heed).sum() / (3 * heed.sum()).clamp_min(1)
    solid = ((1 - opacity) * heed + opacity * outside).sum() / (heed + outside).sum().clamp_min(1)
    return 2 * colour + 0.4 * solid + 0.002 * entropy_loss(opacity)


def _turned_loss(
    backbone: PortraitAdaptation,
    views: PictureViews,
    filled: Tensor,
    number: int,
    diff: Tensor,
    config: RefineConfig,
    generator: torch.Generator,
) -> Tensor:
    """How far a window of the head differs from what one of the views knows of it."""
    model = backbone.model
    camera, lens = views.camera_to_world[number], views.intrinsics[number]
    window = _random_window(model.head_window(camera, lens), config.window, generator)
    head = model.render_head(model.add_diff(backbone.planes[None], diff), camera[None], lens[None], window)
    inner = (slice(None), slice(None), slice(MARGIN, -MARGIN), slice(MARGIN, -MARGIN))
    wanted, known, inside = (
        window.take_pixels(part[number][None]) for part in (filled, views.known, views.silhouette)
    )
    heed = torch.maximum(known, config.invented * inside)
    small_heed = F.avg_pool2d(heed, 4)
    outside = 1 - F.max_pool2d(inside, 9, 1, 4)
    alpha = head.alpha.clamp(0, 1)
    solid = weighted_l1(alpha, torch.ones_like(alpha), known) + weighted_l1(alpha, 0 * alpha, outside)
    small = F.avg_pool2d(outside, 4)
    solid = solid + weighted_l1(head.opacity, 0 * head.opacity, small)
    solid = solid + weighted_l1(head.opacity, torch.ones_like(head.opacity), F.avg_pool2d(known, 4))
    colour = weighted_l1(head.colour[inner], wanted[inner], heed[inner])
    edges = pyramid_loss(head.colour[inner], wanted[inner], 3, known[inner])
    raw = weighted_l1(head.raw, F.avg_pool2d(wanted, 4), small_heed)
    return colour + edges + 0.5 * raw + 0.2 * solid + 0.002 * entropy_loss(head.opacity)


def _random_window(whole: Window, side: int, generator: torch.Generator) -> Window:
    rows, columns = min(side, whole.rows), min(side, whole.columns)
    draw = torch.rand(2, generator=generator)
    top = whole.top + round(float(draw[0]) * (whole.rows - rows))
    left = whole.left + round(float(draw[1]) * (whole.columns - columns))
    return Window(top, left, rows, columns)
