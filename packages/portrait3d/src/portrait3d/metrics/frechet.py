"""FID (Heusel et al. 2017) of two sets of frames, by torchmetrics on the features of a given network."""

from collections.abc import Iterable

import torch
from numpy.typing import NDArray
from torch import nn

CHUNK = 8  # frames at a time
LEAST = 2  # frames of each kind: a covariance of one is none


class FrechetDistance:
    """Collects frames and compares their distributions of features.

    Args:
        network: uint8 pictures (B, 3, H, W) to features (B, F), with an attribute `num_features`.
    """

    def __init__(self, network: nn.Module) -> None:
        from torchmetrics.image.fid import FrechetInceptionDistance

        self._distance = FrechetInceptionDistance(feature=network)
        self.frames = {True: 0, False: 0}

    def add(self, frames: NDArray | Iterable[NDArray], *, real: bool) -> None:
        """Take in uint8 frames (T, H, W, 3), true ones or made ones."""
        chunk: list[torch.Tensor] = []
        for frame in frames:
            chunk.append(torch.tensor(frame).permute(2, 0, 1))
            if len(chunk) == CHUNK:
                self._update(chunk, real)
                chunk = []
        if chunk:
            self._update(chunk, real)

    def value(self) -> float:
        """The distance so far.

        Raises:
            ValueError: If there are fewer than two frames of a kind.
        """
        if min(self.frames.values()) < LEAST:
            raise ValueError(f"needs {LEAST} frames of each kind, has {self.frames}")
        return float(self._distance.compute())

    def _update(self, chunk: list[torch.Tensor], real: bool) -> None:
        self._distance.update(torch.stack(chunk), real=real)
        self.frames[real] += len(chunk)
