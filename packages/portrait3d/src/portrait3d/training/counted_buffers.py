"""What layers count while they train, independent of how a batch is shared."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from portrait3d.full.torso_blocks import SpectralConv2d
from portrait3d.training.processes import Processes

COUNTING = (_BatchNorm, SpectralConv2d)  # the latter's singular vectors get better with every use


class CountedBuffers:
    """Running statistics of batch norm, vectors of spectral norm: a step moves them once, by the mean of what
    its items say.

    Items go through the networks one by one, some in other processes; without this the statistics would be
    those of one process's items, and the vectors as good as it has items.

    Args:
        modules: In which to look for such layers.
        processes: Of the run.
        items: Of a batch, over all processes.
    """

    def __init__(self, modules: Iterable[nn.Module], processes: Processes, items: int) -> None:
        layers = [layer for part in modules for layer in part.modules() if isinstance(layer, COUNTING)]
        self.buffers = [buffer for layer in layers for buffer in layer.buffers()] if items > 1 else []
        self.processes, self.items = processes, items
        self.before: list[Tensor] = []
        self.moved: list[Tensor] = []

    def begin(self) -> None:
        """Before the first item of a step."""
        self.before = [buffer.clone() for buffer in self.buffers]
        self.moved = [torch.zeros_like(buffer, dtype=torch.float32) for buffer in self.buffers]

    def after_item(self) -> None:
        """Note how an item moved them, and take it back."""
        for buffer, before, moved in zip(self.buffers, self.before, self.moved, strict=True):
            moved += (buffer - before) / self.items
            buffer.copy_(before)

    def end(self) -> None:
        """Move them by the mean over the items."""
        for buffer, before, moved in zip(self.buffers, self.before, self.moved, strict=True):
            buffer.copy_(before + self.processes.sum(moved))
