"""Trains the sync expert; a batch is a function of (seed, step), and a stopped run goes on exactly."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from .run_state import restore, store
from .space import MotionSpace
from .sync import SyncExpert
from .sync_contrast import FARTHEST, contrastive_loss, judge, like_tracked, stranger_confidence
from .sync_network import REACH, SyncConfig, SyncNetwork

WARM_UP = 30
AVERAGE = 0.985  # of the running mean of the weights that is judged and kept


class Source(Protocol):
    """Where training clips come from: a pure function of (seed, step)."""

    def __call__(self, seed: int, step: int, size: int) -> tuple[Tensor, Tensor]:
        """Features (size, 2T, 67) and motion (size, T, M) in the motion space, about 10 s each."""


@dataclass(frozen=True)
class SyncTrainingConfig:
    """How the expert is trained.

    Attributes:
        seed: everything follows from it.
        steps, batch, rate, weight_decay: of AdamW, with a cosine decay.
        every: steps between judgements on held-out voices.
        held: clips per judgement.
    """

    seed: int = 1
    steps: int = 300
    batch: int = 16
    rate: float = 2e-3
    weight_decay: float = 0.05
    every: int = 25
    held: int = 48

    def __post_init__(self) -> None:
        for name in ("steps", "every"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        for name in ("batch", "held"):
            if getattr(self, name) < 2:
                raise ValueError(
                    f"{name} must be at least 2, got {getattr(self, name)}: other clips are needed"
                )
        if not self.rate > 0:
            raise ValueError(f"rate must be positive, got {self.rate}")


def train_sync(
    config: SyncTrainingConfig,
    network_config: SyncConfig,
    space: MotionSpace,
    source: Source,
    held: Source,
    work: Path,
    *,
    resume: bool = False,
    card: dict[str, Any] | None = None,
    report: Callable[[str], None] = print,
) -> dict[str, float]:
    """Trains, judges on held-out voices, and keeps the weights with the least held-out loss.

    Args:
        source: training clips; held: clips of other voices, judged at step 0 of the seed.
        work: folder for `state.safetensors` (to resume) and `best.safetensors` with its card.
        resume: go on from the state in `work`, bit for bit as if never stopped.
        card: more to write in the card.
        report: takes one line of progress.

    Returns:
        The scores of the weights that were kept.
    """
    work.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(config.seed)
    network, kept = SyncNetwork(network_config), SyncNetwork(network_config)
    kept.load_state_dict(network.state_dict())
    optimiser = torch.optim.AdamW(
        network.parameters(), config.rate, (0.9, 0.98), weight_decay=config.weight_decay
    )
    networks = {"network": network, "kept": kept}
    about = (restore(work, networks, optimiser) if resume else None) or {
        "step": 0,
        "history": [],
        "seconds": 0.0,
    }
    first, history, spent = about["step"], about["history"], about["seconds"]
    held_audio, held_motion = held(config.seed, 0, config.held)
    held_motion = like_tracked(held_motion, torch.Generator().manual_seed(config.seed))
    began = time.monotonic() - spent
    for step in range(first, config.steps):
        decay = 0.5 * (1 + torch.cos(torch.tensor(torch.pi * step / config.steps)).item())
        optimiser.param_groups[0]["lr"] = config.rate * min(1, (step + 1) / WARM_UP) * decay
        network.train()
        torch.manual_seed(config.seed * 7_919 + step)  # dropout too is a function of (seed, step)
        audio, motion = source(config.seed, step, config.batch)
        generator = torch.Generator().manual_seed(config.seed * 1_000_003 + step)
        loss = contrastive_loss(network, audio, like_tracked(motion, generator))
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        with torch.no_grad():
            for mean, new in zip(kept.parameters(), network.parameters(), strict=True):
                mean.lerp_(new, 1 - min(AVERAGE, (step + 1) / (step + 10)))
        if (step + 1) % config.every == 0 or step + 1 == config.steps:
            scores = {"step": step + 1, "training": round(loss.item(), 4)}
            scores |= {
                name: round(value, 4) for name, value in judge(kept.eval(), held_audio, held_motion).items()
            }
            if scores["loss"] < min((row["loss"] for row in history), default=float("inf")):
                made = {
                    "training": asdict(config),
                    "scores": scores,
                    "seconds": round(time.monotonic() - began),
                }
                SyncExpert(kept, space).save(work / "best.safetensors", **made, **(card or {}))
            history.append(scores)
            spent = time.monotonic() - began
            left = spent / (step + 1) * (config.steps - step - 1)
            shown = " ".join(f"{name} {value:g}" for name, value in scores.items())
            report(f"{shown} of {config.steps}, {spent:.0f} s, {left:.0f} s left")
            store(work, networks, optimiser, {"step": step + 1, "history": history, "seconds": spent})
    best = SyncExpert.from_pretrained(work / "best.safetensors")
    strange = stranger_confidence(best.network, held_audio, held_motion)
    frames = held_motion.shape[1] - 2 * (FARTHEST + REACH)
    best.card |= (card or {}) | {"stranger_confidence": round(strange, 4), "stranger_frames": frames}
    best.save(work / "best.safetensors", **best.card)
    return min(history, key=lambda row: row["loss"])
