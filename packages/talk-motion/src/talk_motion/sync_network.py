"""The sync expert's network: what is heard and what the mouth does, each as one unit vector per frame.

SyncNet (Chung & Zisserman 2016, "Out of time") and Real3D-Portrait's landmark expert (section 3, 5 frames
of landmarks beside 10 of speech features) look at single short windows; this one is the same thing run along
the whole clip by convolutions, each vector seeing 13 frames (0.5 s).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .network import ConvBlock

REACH = 7  # frames on either side of a vector's own that it sees, at most
STILL = 0.05  # deviations of the motion space below which a channel counts as still


@dataclass(frozen=True)
class SyncConfig:
    """Sizes of the network.

    Attributes:
        motion: channels of the motion space.
        audio: channels of `AudioFeatures.stack`.
        width: channels inside.
        embedding: length of the vectors that are compared.
        dropout: in the blocks, while training.
    """

    motion: int = 9
    audio: int = 67
    width: int = 96
    embedding: int = 64
    dropout: float = 0.1

    def __post_init__(self) -> None:
        for name in ("motion", "audio", "width", "embedding"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must lie in [0, 1), got {self.dropout}")


class SyncNetwork(nn.Module):
    """Two encoders into one space, and the sharpness with which they are compared in training."""

    def __init__(self, config: SyncConfig) -> None:
        super().__init__()
        width, dropout = config.width, config.dropout
        self.config = config
        self.hear = nn.Conv1d(config.audio, width, 5, padding=2)
        self.hear_fast = nn.ModuleList(ConvBlock(width, dilation, dropout) for dilation in (1, 2))
        self.halve = nn.Conv1d(width, width, 4, stride=2, padding=1)
        self.hear_slow = nn.ModuleList([ConvBlock(width, 1, dropout)])
        self.see = nn.Conv1d(config.motion, width, 5, padding=2)
        self.see_slow = nn.ModuleList(ConvBlock(width, 1, dropout) for _ in range(2))
        self.heard, self.seen = _head(width, config.embedding), _head(width, config.embedding)
        self.sharpness = nn.Parameter(torch.tensor(2.3))  # log of the factor on cosines, at first 10

    def encode_sound(self, audio: Tensor) -> Tensor:
        """(B, 2T, A) features -> (B, T, E) of unit length."""
        x = self.hear(audio.transpose(1, 2))
        for block in self.hear_fast:
            x = block(x, None)
        x = self.halve(x)
        for block in self.hear_slow:
            x = block(x, None)
        return F.normalize(self.heard(x.transpose(1, 2)), dim=-1)

    def encode_motion(self, motion: Tensor) -> Tensor:
        """(B, T, M) standardised motion -> (B, T, E) of unit length."""
        x = self.see(motion.transpose(1, 2))
        for block in self.see_slow:
            x = block(x, None)
        return F.normalize(self.seen(x.transpose(1, 2)), dim=-1)


def standardise(motion: Tensor) -> Tensor:
    """(B, T, M) motion -> zero mean and unit deviation over each clip, so that how wide a person opens their
    mouth does not count; still channels stay small."""
    centred = motion - motion.mean(dim=1, keepdim=True)
    return centred / (centred.square().mean(dim=1, keepdim=True) + STILL**2).sqrt()


def cosines(sound: Tensor, motion: Tensor, farthest: int) -> Tensor:
    """Agreement of the motion at t with the sound at t + d for every d.

    Args:
        sound, motion: (B, T, E) unit vectors.
        farthest: largest shift D in frames, less than T.

    Returns:
        (B, 2 D + 1, T) for d = -D .. D; NaN where t + d lies outside the clip.
    """
    frames = motion.shape[1]
    rows = []
    for shift in range(-farthest, farthest + 1):
        low, high = max(0, -shift), min(frames, frames - shift)
        row = (motion[:, low:high] * sound[:, low + shift : high + shift]).sum(-1)
        rows.append(F.pad(row, (low, frames - high), value=float("nan")))
    return torch.stack(rows, dim=1)


def _head(width: int, embedding: int) -> nn.Sequential:
    return nn.Sequential(nn.RMSNorm(width), nn.Linear(width, embedding))
