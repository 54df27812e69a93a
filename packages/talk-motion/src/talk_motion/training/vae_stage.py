"""The flow-prior VAE learns from tracked clips with HuBERT's content (Real3D-Portrait, Ye et al. 2024)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from talk_motion.full.config import FlowVaeConfig
from talk_motion.full.ics_model import MotionUnit
from talk_motion.full.storage import write_weights
from talk_motion.full.vae import FlowVae
from talk_motion.full.vae_losses import LandmarkBasis, VaeLossWeights, vae_losses
from talk_motion.sync import SyncExpert, sync_loss
from talk_motion.training.face_basis import FaceBasis
from talk_motion.training.full_stage import heard_of
from talk_motion.training.processes import Share
from talk_motion.training.settings import TrainingSettings
from talk_motion.training.shard_clips import FullBatch, full_batch
from talk_motion.training.speech_shards import SpeechShards
from talk_motion.training.stage import noise_seed


class VaeStage:
    """Stage "a2m-vae". Motion is plain expression; its errors are counted in deviations of each channel, and
    landmarks in their own mean deviation, so that the published weights mean what they meant.

    Args:
        settings: of the run.
        shards: to train on, with content.
        face: landmarks and lip gap of the face model.
        held: to judge on; None for no judgement.
        expert: judges sync, where `losses.sync` asks for it.

    Raises:
        ValueError: `frames` is no multiple of the network's stride.
    """

    def __init__(
        self,
        settings: TrainingSettings,
        shards: SpeechShards,
        face: FaceBasis,
        held: SpeechShards | None = None,
        expert: SyncExpert | None = None,
    ) -> None:
        if settings.losses.sync and expert is None:
            raise ValueError(f"losses.sync is {settings.losses.sync:g}, but there is no sync expert")
        torch.manual_seed(settings.seed)
        self.config = FlowVaeConfig(**{"content": shards.content_channels, **settings.model})
        if settings.frames % self.config.stride:
            raise ValueError(f"frames must be a multiple of {self.config.stride}, got {settings.frames}")
        self.network: nn.Module = FlowVae(self.config)
        drawn = shards.expressions(100, settings.seed)
        self.unit = MotionUnit.of(drawn)
        moved = (drawn - drawn.mean(0)) @ face.landmarks.flatten(0, 1).T
        basis = face.landmarks * self.unit.scale / moved.std(dim=0).mean()
        self.landmarks = LandmarkBasis.of_mesh(basis)
        told = settings.losses
        self.weights = VaeLossWeights(
            told.kl, told.kl_rise, told.kl_hold, told.expression, told.landmark, told.laplacian, told.size,
            told.sync,
        )  # fmt: skip
        self.settings, self.shards, self.gap, self.held = settings, shards, face.gap, held
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
        return self.weights.total(terms, step)

    @torch.no_grad()
    def judge(self, kept: nn.Module) -> dict[str, float] | None:
        """Terms on held-out clips; the score counts the divergence at its peak weight."""
        if self.held is None:
            return None
        seed, device = self.settings.seed, next(kept.parameters()).device
        batch = full_batch(self.held, self.gap, seed, 0, self.settings.held)
        terms = self._losses(kept, batch, noise_seed(seed, 0), Share(device=device))
        loss = float(self.weights.total(terms, self.weights.kl_rise))
        return {"score": -loss, "loss": loss, **{name: float(value) for name, value in terms.items()}}

    def save(self, kept: nn.Module, folder: Path, card: dict[str, Any]) -> None:
        """See `Stage`: the folder `weights`, for `FlowVae.load`."""
        report = {"kind": "flow-prior VAE, trained here", **card}
        write_weights(folder / "weights", "FlowVae", self.config, kept.state_dict(), report)

    def _losses(self, network: nn.Module, batch: FullBatch, seed: int, share: Share) -> dict[str, Tensor]:
        mine, device = share.share, share.device
        expression = batch.expression[mine].to(device)
        generator = torch.Generator().manual_seed(seed)
        valid = torch.ones(expression.shape[:2], dtype=torch.bool, device=device)
        place = (share.rank, share.count)
        found, coded = network(heard_of(batch, mine, device), expression, valid, generator, place)
        scale = self.unit.scale.to(device)
        terms = vae_losses(found.float() / scale, expression / scale, coded, valid, self.landmarks)
        if self.expert is not None:
            expert = self.expert.to(device)
            terms["sync"] = sync_loss(expert, batch.audio[mine].to(device), found.float())
        return terms
