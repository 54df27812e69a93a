"""Multiplications and additions that a published recipe costs, counted on networks without numbers in them.

torch counts convolutions and products of matrices while the networks run on the meta device; the renderer's
small network is counted by hand. An addition and a multiplication are two operations.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

TRAINED = 3  # forward, and backward towards inputs and towards weights, of the same size each


@dataclass(frozen=True)
class Counted:
    """What one item of a batch costs.

    Attributes:
        operations: Of an item, backward included, mean over the run. Without the perceptual networks, the
            discriminator and Adam.
        trained, parameters: Numbers that learn, and all of the model.
        frames: Frames read from the shards.
        arithmetic: How `operations` came about.
    """

    operations: float
    trained: int
    parameters: int
    frames: int
    arithmetic: str


def count_recipe(settings: Any) -> Counted:
    """Count an item of a recipe of the preset `full`.

    Args:
        settings: `TrainingSettings` of portrait3d or talk_motion.

    Raises:
        ValueError: For a recipe that is not counted.
    """
    if settings.preset != "full" or settings.stage not in ("i2p", "motion", "a2m", "a2m-vae"):
        raise ValueError(f"only i2p, motion, a2m and a2m-vae of `full` are counted, got {settings.stage}")
    with torch.device("meta"):
        return _portrait(settings) if settings.stage in ("i2p", "motion") else _talk(settings)


def portrait_parts(config: Any) -> dict[str, float]:
    """Operations of one forward pass of each part of a `FullPortrait` without torso."""
    from portrait3d.full.model import FullPortrait

    with torch.device("meta"):
        model = FullPortrait(replace(config, has_torso=False))
        size, grid = config.picture_size, config.ray_grid
        picture = torch.empty(1, 3, size, size)
        alpha = torch.empty(1, 1, size, size) if "alpha" in config.input_mode else None
        camera = torch.empty(1, 25) if "camera" in config.input_mode else None
        still: list[Any] = []
        parts = {
            "image to plane": _count(lambda: model.canonical_planes(picture, alpha, camera)),
            "motion": _count(lambda: still.append(model.motion_adapter.still(picture, picture)))
            + _count(lambda: model.motion_adapter(still[0], picture)),
            "super-resolution": _count(
                lambda: model.super_resolution(
                    torch.empty(1, 3, grid, grid), torch.empty(1, config.plane_channels, grid, grid)
                )
            ),
        }
    channels, hidden = config.plane_channels, config.decoder_hidden
    points = grid**2 * (config.samples + config.importance_samples)
    return parts | {"renderer": points * 2.0 * (channels * hidden + hidden * (channels + 1))}


def _portrait(settings: Any) -> Counted:
    from portrait3d.full.config import FullConfig
    from portrait3d.training.full_trainee import build_full
    from portrait3d.training.trainee import modules_of

    model = build_full(settings.model, settings.seed, None)
    parts = portrait_parts(replace(FullConfig(), **settings.model))
    targets, optimisation = settings.sampling.targets, settings.optimisation
    learns = 1.0
    if settings.stage == "motion" and optimisation.freeze_image_to_plane_from >= 0:
        learns = min(1.0, optimisation.freeze_image_to_plane_from / optimisation.steps)
    times = {
        "image to plane": TRAINED * learns + (1 - learns),
        "motion": TRAINED * targets * (settings.stage == "motion"),
        "renderer": TRAINED * targets,
        "super-resolution": TRAINED * targets,
    }
    modules = modules_of(model, settings.stage).values()
    return Counted(
        sum(times[name] * parts[name] for name in parts),
        sum(p.numel() for module in modules for p in module.parameters()),
        sum(p.numel() for p in model.parameters()),
        1 + targets,
        " + ".join(f"{times[n]:.3g} x {parts[n] / 1e9:.1f} G ({n})" for n in parts if times[n]),
    )


def _talk(settings: Any) -> Counted:
    from talk_motion.full.config import FlowVaeConfig, InContextConfig
    from talk_motion.full.ics_network import InContextNetwork
    from talk_motion.full.speech import Heard
    from talk_motion.full.vae import FlowVae

    in_context, frames = settings.stage == "a2m", settings.frames
    config = (InContextConfig if in_context else FlowVaeConfig)(**settings.model)
    heard = Heard(
        torch.empty(1, 2 * frames, config.content), torch.empty(1, 2 * frames),
        torch.zeros(1, 2 * frames, dtype=torch.long), torch.empty(1),
    )  # fmt: skip
    motion, seen = torch.empty(1, frames, config.motion), torch.ones(1, frames, dtype=torch.bool)
    network: Any = InContextNetwork(config) if in_context else FlowVae(config)
    if in_context:
        once = _count(
            lambda: network(motion, torch.empty(1), network.encode_sound(heard), motion, seen, valid=seen)
        )
    else:
        once = _count(lambda: network(heard, motion, seen))
    size = sum(p.numel() for p in network.parameters())
    said = f"{TRAINED} x {once / 1e9:.1f} G (network, {frames} frames)"
    return Counted(TRAINED * once, size, size, frames, said)


def _count(run: Callable[[], Any]) -> float:
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        run()
    return float(counter.get_total_flops())
