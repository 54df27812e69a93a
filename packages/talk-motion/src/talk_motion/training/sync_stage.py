"""The sync expert learns which sound a mouth goes with."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from talk_motion.errors import InputError
from talk_motion.space import MotionSpace
from talk_motion.sync import SyncExpert
from talk_motion.sync_contrast import (
    FARTHEST,
    PART,
    contrastive_loss,
    judge,
    like_tracked,
    stranger_confidence,
)
from talk_motion.sync_network import REACH, SyncConfig, SyncNetwork
from talk_motion.training.processes import Share
from talk_motion.training.settings import TrainingSettings
from talk_motion.training.stage import noise_seed

WEIGHTS = "sync.safetensors"
SHORTEST = 2 * (FARTHEST + REACH) + PART + 1  # frames of a clip


class Pairs(Protocol):
    """Where training clips come from: a pure function of (seed, step)."""

    def __call__(self, seed: int, step: int, size: int) -> tuple[Tensor, Tensor]:
        """Features (size, 2T, 67) and motion (size, T, M) in the motion space, about 10 s each."""


class SyncStage:
    """Stage "sync".

    Args:
        settings: of the run.
        space: motion channels.
        pairs: to train on.
        held: to judge on, at step 0: best other voices than those of `pairs`. Without them weights are not
            chosen, and what confidence strangers reach is measured on `pairs` themselves.

    Raises:
        ValueError: clips too short to be shifted, or all of one sound.
    """

    network: nn.Module

    def __init__(
        self, settings: TrainingSettings, space: MotionSpace, pairs: Pairs, held: Pairs | None = None
    ) -> None:
        if settings.frames < SHORTEST:
            raise ValueError(f"frames must be at least {SHORTEST} for sync, got {settings.frames}")
        torch.manual_seed(settings.seed)
        self.network = SyncNetwork(SyncConfig(**{"motion": space.channels, **settings.model}))
        self.settings, self.space, self.pairs = settings, space, pairs
        audio, motion = (held or pairs)(settings.seed, 0, settings.held)
        motion = like_tracked(motion, torch.Generator().manual_seed(settings.seed))
        self.is_held, self.judged = held is not None, (audio, motion)
        stranger_confidence(self.network.eval(), audio, motion)  # rather now than after hours

    def terms(self, step: int, share: Share) -> dict[str, Tensor]:
        """See `Stage`; the wrong sounds of a clip come from the same share of the batch."""
        seed, mine, device = self.settings.seed, share.share, share.device
        audio, motion = self.pairs(seed, step, self.settings.optimisation.batch)
        motion = like_tracked(motion, torch.Generator().manual_seed(noise_seed(seed, step)))
        audio, motion = audio[mine].to(device), motion[mine].to(device)
        if len(audio) < 2:
            cause = f"{share.count} shares have one clip each: other clips are needed"
            raise InputError("optimisation.batch", cause, "Give at least 2 for each share.")
        assert isinstance(self.network, SyncNetwork)
        return {"contrast": contrastive_loss(self.network, audio, motion)}

    def total(self, terms: Mapping[str, Tensor], step: int) -> Tensor:
        """See `Stage`."""
        return terms["contrast"]

    def judge(self, kept: nn.Module) -> dict[str, float] | None:
        """Loss on held-out clips, and how often their offset is found."""
        if not self.is_held:
            return None
        assert isinstance(kept, SyncNetwork)
        scores = judge(kept, *self._judged_at(kept))
        return {"score": -scores["loss"], **scores}

    def save(self, kept: nn.Module, folder: Path, card: dict[str, Any]) -> None:
        """See `Stage`."""
        assert isinstance(kept, SyncNetwork)
        audio, motion = self._judged_at(kept)
        strange = stranger_confidence(kept, audio, motion)
        measured = {
            "stranger_confidence": round(strange, 4),
            "stranger_frames": motion.shape[1] - 2 * (FARTHEST + REACH),
        }
        SyncExpert(kept, self.space).save(folder / WEIGHTS, **measured, **card)

    def _judged_at(self, kept: nn.Module) -> tuple[Tensor, Tensor]:
        device = next(kept.parameters()).device
        return self.judged[0].to(device), self.judged[1].to(device)
