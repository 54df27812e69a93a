"""The small in-context model learns: motion is hidden in parts and filled in again from the sound.

Audio-guided motion infilling by conditional flow matching (MimicTalk, Ye et al. 2024, section 3.3; Lipman et
al. 2023, eq. 23), with the sync expert's verdict on the motion that the network has in mind. Where it is
known what is being said, the sound encoder also learns to tell: a mouth shows phones through a style that
differs from clip to clip, and phones themselves are what the styles have in common.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from talk_motion.flow import path
from talk_motion.model import MotionModel
from talk_motion.network import NetworkConfig, VelocityNetwork
from talk_motion.space import MotionSpace
from talk_motion.sync import SyncExpert, sync_loss
from talk_motion.training.infilling_batch import UNNAMED, Batch
from talk_motion.training.processes import Share
from talk_motion.training.settings import TrainingSettings
from talk_motion.training.stage import noise_seed

AT_NOISE = 0.25  # share of the clips whose flow is looked at where it begins: that step sets the mean
CHANNELS = 9  # beyond these, real trackers see noise: their spread is several times that of true mouths
WEIGHTS = "small.safetensors"


class Clips(Protocol):
    """Where training clips come from: a pure function of (seed, step)."""

    def __call__(self, seed: int, step: int, size: int) -> Batch:
        """A batch of `size` clips of one length."""


class InfillingStage:
    """Stage "a2m" of the preset `small`.

    Args:
        settings: of the run.
        space: motion channels.
        clips: to train on.
        held: to judge on, at step 0; None for no judgement.
        start: weights to begin with; None for random ones, which follow from the seed.
        expert: judges sync, where `losses.sync` asks for it.
    """

    def __init__(
        self,
        settings: TrainingSettings,
        space: MotionSpace,
        clips: Clips,
        held: Clips | None = None,
        start: VelocityNetwork | None = None,
        expert: SyncExpert | None = None,
    ) -> None:
        if start is None:
            torch.manual_seed(settings.seed)
            start = VelocityNetwork(NetworkConfig(**{"motion": space.channels, **settings.model}))
        if start.config.motion != space.channels:
            raise ValueError(f"the network has {start.config.motion} channels, the space {space.channels}")
        if settings.losses.sync and expert is None:
            raise ValueError(f"losses.sync is {settings.losses.sync:g}, but there is no sync expert")
        if settings.losses.phones and not start.config.phones:
            told = f"losses.phones is {settings.losses.phones:g}"
            raise ValueError(f"{told}, but the network names no phones: give model.phones")
        self.network: nn.Module = start
        self.settings, self.space, self.clips, self.held, self.expert = settings, space, clips, held, expert
        if expert is not None:
            expert.network.requires_grad_(False)

    def terms(self, step: int, share: Share) -> dict[str, Tensor]:
        """See `Stage`."""
        seed, size = self.settings.seed, self.settings.optimisation.batch
        batch = self.clips(seed, step, size)
        return self._losses(self.network, batch, noise_seed(seed, step), share)

    def total(self, terms: Mapping[str, Tensor], step: int) -> Tensor:
        """See `Stage`."""
        losses = self.settings.losses
        weights = {"infilling": 1.0, "sync": losses.sync, "phones": losses.phones}
        return torch.stack([weights[name] * value for name, value in terms.items()]).sum()

    @torch.no_grad()
    def judge(self, kept: nn.Module) -> dict[str, float] | None:
        """The loss on held-out clips, always with the same masks and noise."""
        if self.held is None:
            return None
        device = next(kept.parameters()).device
        batch = self.held(self.settings.seed, 0, self.settings.held)
        terms = self._losses(kept, batch, noise_seed(self.settings.seed, 0), Share(device=device))
        loss = float(self.total(terms, 0))
        return {"score": -loss, "loss": loss, **{name: float(value) for name, value in terms.items()}}

    def save(self, kept: nn.Module, folder: Path, card: dict[str, Any]) -> None:
        """See `Stage`."""
        assert isinstance(kept, VelocityNetwork)
        MotionModel(kept, self.space).save(folder / WEIGHTS, **card)

    def _losses(self, network: nn.Module, batch: Batch, seed: int, share: Share) -> dict[str, Tensor]:
        expert = self.expert if self.settings.losses.sync else None
        objective = self.settings.losses.objective
        phones = bool(self.settings.losses.phones)
        return infilling_losses(network, batch, seed, share, objective, expert, self.space, phones)


def infilling_losses(
    network: nn.Module,
    batch: Batch,
    seed: int,
    share: Share,
    objective: str = "flow",
    expert: SyncExpert | None = None,
    space: MotionSpace | None = None,
    phones: bool = False,
) -> dict[str, Tensor]:
    """Velocity error on hidden frames; the lip gap counts most, small shapes least.

    Everything is drawn for the whole batch, and normalised over it: the mean over the shares does not depend
    on how many there are.

    Args:
        network: a `VelocityNetwork`.
        batch: the whole of it.
        seed: of flow times and noise.
        share: what of it is computed.
        objective: "flow", or "regression": from nothing straight to the mean motion.
        expert: for the term "sync", with the motion space it needs.
        phones: ask for the term "phones" too.
    """
    generator = torch.Generator().manual_seed(seed)
    size, _, channels = batch.motion.shape
    t = torch.rand(size, generator=generator)
    t = torch.where(torch.rand(size, generator=generator) < AT_NOISE, torch.zeros(()), t)
    noise = torch.randn(batch.motion.shape, generator=generator)
    # Sampling starts from less than unit noise.
    noise = noise * torch.rand(size, 1, 1, generator=generator)
    if objective == "regression":
        t, noise = torch.zeros_like(t), torch.zeros_like(noise)
    device = share.device
    audio, motion, seen, hidden, t, noise = (
        part[share.share].to(device)
        for part in (batch.audio, batch.motion, batch.seen, batch.hidden, t, noise)
    )
    point, velocity = path(noise, motion, t)
    sound = network.encode_sound(audio)  # type: ignore[operator]
    found = network(point, t, sound, seen, ~hidden)
    weight = 1 / (1 + torch.arange(channels, device=device) / 2)
    weight[0] = 2.0
    error = ((found - velocity) ** 2 * weight).mean(-1) * hidden
    every = batch.hidden.sum() / share.count
    terms = {"infilling": error.sum() / every.to(device) / weight.mean()}
    if phones:
        terms["phones"] = phone_loss(network, sound, batch, share)  # type: ignore[arg-type]
    if expert is not None and space is not None:
        # The straight path leads from here to the motion that the network has in mind.
        aim = torch.where(hidden[..., None], point + (1 - t)[:, None, None] * found, motion)
        expression = space.to(device).to_expression(aim.float())
        terms["sync"] = sync_loss(expert.to(device), audio, expression)
    return terms


def phone_loss(network: VelocityNetwork, sound: Tensor, batch: Batch, share: Share) -> Tensor:
    """Cross-entropy of the phones that are being said, per phone that is known in the whole batch.

    Args:
        network: made with `NetworkConfig.phones`.
        sound: (b, T, width) encoded, of this share.
        batch: the whole of it.
        share: what of it is computed.

    Raises:
        ValueError: a batch that does not say what is being said.
    """
    if batch.phones is None:
        raise ValueError("losses.phones needs data that say what is being said; these do not")
    said = batch.phones[share.share].to(share.device)
    heard = network.name_phones(sound).flatten(0, 1).float()
    wrong = F.cross_entropy(heard, said.flatten(), ignore_index=UNNAMED, reduction="sum")
    every = (batch.phones != UNNAMED).sum().clamp(min=1) / share.count
    return wrong / every.to(share.device)
