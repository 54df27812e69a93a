"""The prior of the VAE's latent: normal noise bent by speech (as in VITS, Kim et al. 2021)."""

import torch
from torch import Tensor, nn

from talk_motion.full.wavenet import WaveNet, masked


class Coupling(nn.Module):
    """Shifts one half of the channels by what the other half and the condition say; starts as identity."""

    def __init__(self, channels: int, width: int, kernel: int, layers: int, condition: int) -> None:
        super().__init__()
        self.enter = nn.Conv1d(channels // 2, width, 1)
        self.wavenet = WaveNet(width, kernel, layers, condition)
        self.leave = nn.Conv1d(width, channels // 2, 1)
        nn.init.zeros_(self.leave.weight)
        assert self.leave.bias is not None
        nn.init.zeros_(self.leave.bias)

    def shift(self, kept: Tensor, condition: Tensor, valid: Tensor | None) -> Tensor:
        """(B, channels / 2, T) that is added to the other half."""
        hidden = self.wavenet(masked(self.enter(kept), valid), condition, valid)
        return masked(self.leave(hidden), valid)


class FlowPrior(nn.Module):
    """Couplings with the channels reversed after each; all Jacobians have determinant 1."""

    def __init__(
        self, channels: int, width: int, kernel: int, layers: int, blocks: int, condition: int
    ) -> None:
        super().__init__()
        self.couplings = nn.ModuleList(
            Coupling(channels, width, kernel, layers, condition) for _ in range(blocks)
        )

    def to_noise(self, latent: Tensor, condition: Tensor, valid: Tensor | None = None) -> Tensor:
        """Latent (B, channels, T) to what is standard normal under the prior."""
        for coupling in self.couplings:
            assert isinstance(coupling, Coupling)
            kept, moved = latent.chunk(2, dim=1)
            moved = masked(moved, valid) + coupling.shift(kept, condition, valid)
            latent = torch.cat([kept, moved], dim=1).flip(1)
        return latent

    def to_latent(self, noise: Tensor, condition: Tensor, valid: Tensor | None = None) -> Tensor:
        """The inverse of `to_noise`."""
        for coupling in reversed(self.couplings):
            assert isinstance(coupling, Coupling)
            kept, moved = noise.flip(1).chunk(2, dim=1)
            moved = masked(moved - coupling.shift(kept, condition, valid), valid)
            noise = torch.cat([kept, moved], dim=1)
        return noise
