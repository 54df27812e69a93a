"""The in-context model at its published size learns from tracked clips with HuBERT's content."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from talk_motion.full.config import InContextConfig
from talk_motion.full.ics_model import MotionUnit
from talk_motion.full.ics_network import InContextNetwork
from talk_motion.full.ics_training import infill
from talk_motion.full.speech import Heard
from talk_motion.full.storage import write_weights
from talk_motion.sync import SyncExpert, sync_loss
from talk_motion.training.processes import Share
from talk_motion.training.settings import TrainingSettings
from talk_motion.training.shard_clips import FullBatch, full_batch
from talk_motion.training.speech_shards import SpeechShards
from talk_motion.training.stage import noise_seed


class FullInfillingStage:
    """Stage "a2m" of the preset `full`. Motion is standardised; the unit stands in the card of the weights.

    Args:
        settings: of the run.
        shards: to train on, with content.
        gap: (64,) lip gap of the face model.
        held: to judge on; None for no judgement.
        expert: judges sync, where `losses.sync` asks for it.
    """

    def __init__(
        self,
        settings: TrainingSettings,
        shards: SpeechShards,
        gap: Tensor,
        held: SpeechShards | None = None,
        expert: SyncExpert | None = None,
    ) -> None:
        if settings.losses.sync and expert is None:
            raise ValueError(f"losses.sync is {settings.losses.sync:g}, but there is no sync expert")
        torch.manual_seed(settings.seed)
        self.config = InContextConfig(**{"content": shards.content_channels, **settings.model})
        self.network: nn.Module = InContextNetwork(self.config)
        self.unit = MotionUnit.of(shards.expressions(100, settings.seed))
        self.settings, self.shards, self.gap, self.held = settings, shards, gap, held
        self.expert = expert if settings.losses.sync else None
        if self.expert is not None:
            self.expert.network.requires_grad_(False)

    def terms(self, step: int, share: Share) -> dict[str, Tensor]:
        """See `Stage`."""
        seed = self.settings.seed
        batch = full_batch(self.shards, self.gap, seed, step, self.settings.optimisation.batch)
        return self._losses(self.network, batch, noise_seed(seed, step), share)

    def total(self, terms: Mapping[str, Tensor], step: int) -> Tensor:
        """See `Stage`."""
        loss = terms["infilling"]
        return loss + self.settings.losses.sync * terms["sync"] if "sync" in terms else loss

    @torch.no_grad()
    def judge(self, kept: nn.Module) -> dict[str, float] | None:
        """The loss on held-out clips, always with the same masks and noise."""
        if self.held is None:
            return None
        seed, device = self.settings.seed, next(kept.parameters()).device
        batch = full_batch(self.held, self.gap, seed, 0, self.settings.held)
        terms = self._losses(kept, batch, noise_seed(seed, 0), Share(device=device))
        loss = float(self.total(terms, 0))
        return {"score": -loss, "loss": loss, **{name: float(value) for name, value in terms.items()}}

    def save(self, kept: nn.Module, folder: Path, card: dict[str, Any]) -> None:
        """See `Stage`: the folder `weights`, for `InContextModel.load`."""
        report = {"kind": "in-context audio-to-motion, trained here", **card, "motion": self.unit.to_dict()}
        write_weights(folder / "weights", "InContextNetwork", self.config, kept.state_dict(), report)

    def _losses(self, network: nn.Module, batch: FullBatch, seed: int, share: Share) -> dict[str, Tensor]:
        mine, device = share.share, share.device
        heard = heard_of(batch, slice(None), device)
        motion = self.unit.standardised(batch.expression).to(device)
        generator = torch.Generator().manual_seed(seed)
        assert isinstance(network, InContextNetwork)
        found = infill(network, heard, motion, generator, share=mine)
        terms = {"infilling": found.loss}
        if self.expert is not None:
            expert = self.expert.to(device)
            aim = torch.where(found.hidden[..., None], found.aim, motion[mine])
            terms["sync"] = sync_loss(expert, batch.audio[mine].to(device), self.unit.plain(aim.float()))
        return terms


def heard_of(batch: FullBatch, share: slice, device: torch.device) -> Heard:
    """What the networks hear of a share of a batch."""
    parts = (batch.content, batch.pitch, batch.blink, batch.mouth_opening)
    return Heard(*(part[share].to(device) for part in parts))
