"""The dual discriminator as a run's opponent: its own Adam, lazy R1."""

from typing import Any

import torch
from torch import Tensor

from portrait3d.adversarial_losses import discriminator_loss, generator_loss, r1_penalty
from portrait3d.dual_discriminator import DiscriminatorConfig, DualDiscriminator
from portrait3d.training.optimiser import NamedAdam
from portrait3d.training.processes import Processes
from portrait3d.training.settings import TrainingSettings
from portrait3d.training.stage import Judged


class Adversary:
    """Judges whole pictures with their volume rendering (EG3D section 4.3).

    Args:
        settings: Of the run; `discriminator` changes the published sizes.
        picture_size: Side of the pictures.
        processes: Of the run.
    """

    def __init__(self, settings: TrainingSettings, picture_size: int, processes: Processes) -> None:
        sizes: dict[str, Any] = {"picture_size": picture_size, **settings.discriminator}
        self.settings, self.processes = settings, processes
        self.network = DualDiscriminator(DiscriminatorConfig(**sizes)).to(processes.device)
        self.parameters = dict(self.network.named_parameters())
        self.adam = NamedAdam(self.parameters, settings.optimisation, settings.losses.discriminator_rate)
        self.network.requires_grad_(False)

    def term(self, drawn: Judged) -> Tensor:
        """What the generator has to lower; the discriminator gets no gradient."""
        return generator_loss(self.network(drawn.picture, drawn.raw, drawn.camera))

    def learn(self, step: int, pairs: list[tuple[Judged, Judged]]) -> dict[str, float]:
        """One step on pairs of (drawn, true); returns its numbers.

        R1 is taken every `r1_every` steps and made that much stronger (StyleGAN2, section 4.1).
        """
        losses = self.settings.losses
        self.network.requires_grad_(True)
        self.adam.clear()
        numbers = {"discriminator": 0.0}
        lazy = losses.r1 > 0 and step % losses.r1_every == 0
        if lazy:
            numbers["r1"] = 0.0
        for drawn, true in pairs:
            fake = drawn.detached()
            pictures = (true.picture.detach().requires_grad_(lazy), true.raw.detach().requires_grad_(lazy))
            logits = self.network(*pictures, true.camera)
            loss = discriminator_loss(logits, self.network(fake.picture, fake.raw, fake.camera))
            numbers["discriminator"] += float(loss.detach()) / len(pairs)
            if lazy:
                penalty = r1_penalty(logits, pictures)
                numbers["r1"] += float(penalty.detach()) / len(pairs)
                loss = loss + losses.r1 * losses.r1_every * penalty
            (loss / len(pairs)).backward()
        self.processes.average_gradients(self.parameters.values())
        self.adam.step(step)
        self.network.requires_grad_(False)
        return numbers

    def tensors(self) -> dict[str, Tensor]:
        """Weights and optimiser, by name."""
        return {f"weights/{n}": p.detach() for n, p in self.parameters.items()} | {
            f"adam/{n}": t for n, t in self.adam.tensors().items()
        }

    @torch.no_grad()
    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Take up what `tensors` gave."""
        for name, parameter in self.parameters.items():
            parameter.copy_(tensors[f"weights/{name}"])
        self.adam.restore({n.removeprefix("adam/"): t for n, t in tensors.items() if n.startswith("adam/")})
