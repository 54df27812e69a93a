"""Layers that both published models hear with."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from talk_motion.full.config import PITCHES


class ConvPair(nn.Module):
    """Convolution, batch norm, GELU, convolution; kernels of 3 frames, no biases."""

    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv1d(channels_in, channels, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm1d(channels)
        self.second = nn.Conv1d(channels, channels, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, C_in) -> (B, T, C)."""
        hidden: Tensor = self.second(F.gelu(self.norm(self.first(x.transpose(1, 2)))))
        return hidden.transpose(1, 2)


class PitchEncoder(nn.Module):
    """Coarse pitch (B, T) int64 -> (B, T, C)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.table = nn.Embedding(PITCHES, channels)
        self.convolutions = ConvPair(channels, channels)

    def forward(self, coarse: Tensor) -> Tensor:
        """See the class."""
        encoded: Tensor = self.convolutions(self.table(coarse))
        return encoded


def scaled(vector: Tensor, sizes: Tensor, frames: int) -> Tensor:
    """A learned direction times a size per clip: (C,), (B,) -> (B, frames, C)."""
    return torch.einsum("b,c->bc", sizes, vector)[:, None].expand(-1, frames, -1)
