"""Training of the generic model on clips of many people.

`train` learns in one stage what Real3D-Portrait learns in three (image-to-plane, motion, torso): at this size
nothing needs freezing, and synthetic people give exact cameras, expressions and masks. With `learn_planes`
each person's planes are learned too, as adaptation will do it: image-to-plane alone leaves faces soft, and
decoder and super-resolution then never see detail to draw.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from portrait3d.adaptation import predict_planes
from portrait3d.clip import PortraitClip, pncc_to_float
from portrait3d.frame_loss import Layers, LossWeights, frame_loss, training_window
from portrait3d.model import Portrait3D


@dataclass(frozen=True)
class TrainingPerson:
    """One person of a training set.

    Attributes:
        clip: Frames in any order, of different poses and expressions.
        torso: (T, 4, S, S) uint8: each frame's torso, extended under the head; colour and alpha, 0..255.
    """

    clip: PortraitClip
    torso: Tensor


@dataclass(frozen=True)
class TrainingConfig:
    """How the generic model is trained.

    Attributes:
        steps: Optimiser steps.
        seed: Of every random choice.
        learning_rate: Peak rate of Adam.
        warm_up: Steps of linear rise.
        window: Side of the training window in rays.
        targets: Frames drawn of each person per step, from one source.
        learn_planes: Learn a residual to each person's predicted planes; meant for few people.
        plane_learning_rate: Peak rate of these residuals.
    """

    steps: int = 4000
    seed: int = 0
    learning_rate: float = 1e-3
    warm_up: int = 100
    window: int = 40
    targets: int = 2
    learn_planes: bool = False
    plane_learning_rate: float = 1e-2

    def __post_init__(self) -> None:
        for name in ("steps", "learning_rate", "window", "targets"):
            if getattr(self, name) <= 0:
                raise ValueError(f"TrainingConfig.{name} must be positive, got {getattr(self, name)!r}")


ALONE = 0.25  # share of the steps in which image-to-plane must do without the learned residual


class PlaneResiduals:
    """One learned residual plane per person, each with its own Adam, stepped only when the person is seen."""

    def __init__(self, model: Portrait3D, count: int) -> None:
        config = model.config
        shape = (1, 3, config.plane_channels, config.plane_resolution, config.plane_resolution)
        self.planes = [torch.nn.Parameter(torch.zeros(shape)) for _ in range(count)]
        self.optimizers = [torch.optim.Adam([plane], betas=(0.9, 0.98)) for plane in self.planes]

    def step(self, rate: float) -> None:
        """Step whoever has a gradient."""
        for plane, optimizer in zip(self.planes, self.optimizers, strict=True):
            if plane.grad is not None:
                optimizer.param_groups[0]["lr"] = rate
                optimizer.step()
                plane.grad = None


def training_loss(
    model: Portrait3D,
    people: Sequence[TrainingPerson],
    config: TrainingConfig,
    step: int,
    residuals: PlaneResiduals | None = None,
) -> tuple[Tensor, dict[str, Tensor]]:
    """Loss of one batch, a function of (seed, step): a random person, source frame and target frames."""
    generator = torch.Generator().manual_seed(config.seed * 1_000_003 + step)

    def draw(count: int) -> int:
        return int(torch.randint(count, (), generator=generator))

    number = draw(len(people))
    person = people[number]
    clip = person.clip
    source = draw(len(clip))
    torso = person.torso[source].float() / 255
    planes = predict_planes(model, clip, source)
    if residuals is not None and float(torch.rand((), generator=generator)) > ALONE:
        planes = planes + residuals.planes[number]
    layers = Layers(
        planes=planes,
        torso=torch.cat([torso[:3] * 2 - 1, torso[3:]])[None],
        background=(clip.background.permute(2, 0, 1).float() / 127.5 - 1)[None],
        canonical=pncc_to_float(clip.canonical_pncc)[None],
        source=clip.driving_pncc(source),
        keypoints=clip.keypoints[source][None],
    )
    total = torch.zeros(())
    sums: dict[str, Tensor] = {}
    indices = [draw(len(clip)) for _ in range(config.targets)]
    targets = torch.cat([clip.driving_pncc(index) for index in indices])
    diffs = model.motion_adapter(layers.canonical, layers.source, targets)
    for index, diff in zip(indices, diffs.split(1), strict=True):
        window = training_window(model, clip, index, config.window, generator)
        loss, terms = frame_loss(model, clip, layers, diff, index, window, LossWeights())
        total = total + loss / config.targets
        for name, value in terms.items():
            sums[name] = sums.get(name, torch.zeros(())) + value.detach() / config.targets
    return total, sums


def train(
    model: Portrait3D,
    people: Sequence[TrainingPerson],
    config: TrainingConfig,
    *,
    start: int = 0,
    optimizer: torch.optim.Optimizer | None = None,
    budget_s: float | None = None,
    progress: Callable[[int, int, dict[str, float]], None] | None = None,
) -> int:
    """Train in place; returns the steps done.

    Args:
        model: The generic model.
        people: The training set.
        config: Settings.
        start: First step, for a run that is taken up.
        optimizer: The run's Adam, for a run that is taken up.
        budget_s: Stop after this much wall time; the rate then falls with the time spent.
        progress: Called after each step with (steps done, steps in all, loss terms).
    """
    from math import cos, pi

    if optimizer is None:
        shared = model.image_to_plane.mean_planes
        rest = [parameter for parameter in model.parameters() if parameter is not shared]
        groups = [{"params": rest, "base": 1.0}, {"params": [shared], "base": 10.0}]
        optimizer = torch.optim.Adam(groups, lr=0.0, betas=(0.9, 0.98))
    residuals = PlaneResiduals(model, len(people)) if config.learn_planes else None
    begin = time.monotonic()
    model.train()
    for step in range(start, config.steps):
        spent = (time.monotonic() - begin) / budget_s if budget_s else 0.0
        if spent >= 1:
            return step
        along = max(step / config.steps, spent)
        rate = min(1.0, (step + 1) / config.warm_up) * (0.02 + 0.98 * 0.5 * (1 + cos(pi * along)))
        for group in optimizer.param_groups:
            group["lr"] = config.learning_rate * rate * group.get("base", 1.0)
        optimizer.zero_grad(set_to_none=True)
        loss, terms = training_loss(model, people, config, step, residuals)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        if bool(torch.isfinite(norm)):
            optimizer.step()
            if residuals is not None:
                residuals.step(config.plane_learning_rate * rate)
        if progress is not None:
            progress(
                step + 1,
                config.steps,
                {"loss": float(loss.detach())} | {k: float(v) for k, v in terms.items()},
            )
    return config.steps
