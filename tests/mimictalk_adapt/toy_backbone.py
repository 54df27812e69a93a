"""A backbone without faces: a picture (static) seen through a small network (dynamic)."""

from collections.abc import Container

import torch
from torch import Tensor, nn


class ToyBackbone:
    """Learns to show `target`; the network is a fixed random mixing that LoRA may bend.

    Args:
        seed: Of network and target.
        poison: Calls of `loss` that give NaN.
    """

    def __init__(self, seed: int = 0, poison: Container[int] = ()) -> None:
        generator = torch.Generator().manual_seed(seed)
        self.net = nn.Sequential(
            nn.Conv2d(4, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 3, 1), nn.BatchNorm2d(3), nn.Dropout(0.5)
        )
        for parameter in self.net.parameters():
            parameter.data = torch.randn(parameter.shape, generator=generator) * 0.3
        self.static = nn.Parameter(torch.zeros(1, 4, 8, 8))
        self.target = torch.rand(1, 3, 8, 8, generator=generator)
        self.calls, self.poison = 0, poison

    @property
    def network(self) -> nn.Module:
        return self.net

    def lora_targets(self) -> list[str]:
        return ["0", "2"]

    def static_parameters(self) -> dict[str, tuple[nn.Parameter, float]]:
        return {"picture": (self.static, 1.0)}

    def loss(self, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        weight = torch.rand(1, 1, 8, 8, generator=generator)
        loss = ((self.net(self.static) - self.target).abs() * weight).mean()
        if self.calls in self.poison:
            loss = loss * float("nan")
        self.calls += 1
        return loss, {"colour": loss.detach()}


class JudgingToy(ToyBackbone):
    """Judged by numbers given beforehand, one after another."""

    def __init__(self, scores: list[float], **options: object) -> None:
        super().__init__(**options)  # type: ignore[arg-type]
        self.scores, self.judged = scores, []

    def judge(self) -> dict[str, float]:
        self.judged.append(self.static.detach().clone())
        return {"score": self.scores[min(len(self.judged), len(self.scores)) - 1]}


class RememberingToy(ToyBackbone):
    """Counts its batches, and the count weighs in the loss."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = torch.zeros(1)

    def memory(self) -> dict[str, Tensor]:
        return {"seen": self.seen}

    def loss(self, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        loss, terms = super().loss(generator)
        self.seen += 1
        return loss * (1 + self.seen[0] / 100), terms
