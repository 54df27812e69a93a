"""A backbone without faces: a picture (static) seen through a small network (dynamic)."""

import torch
from torch import Tensor, nn


class ToyBackbone:
    """Learns to show `target`; the network is a fixed random mixing that LoRA may bend."""

    def __init__(self, seed: int = 0, poison_step: int | None = None) -> None:
        generator = torch.Generator().manual_seed(seed)
        self.net = nn.Sequential(
            nn.Conv2d(4, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 3, 1), nn.BatchNorm2d(3)
        )
        for parameter in self.net.parameters():
            parameter.data = torch.randn(parameter.shape, generator=generator) * 0.3
        self.static = nn.Parameter(torch.zeros(1, 4, 8, 8))
        self.target = torch.rand(1, 3, 8, 8, generator=generator)
        self.calls, self.poison_step = 0, poison_step

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
        if self.calls == self.poison_step:
            loss = loss * float("nan")
        self.calls += 1
        return loss, {"colour": loss.detach()}
