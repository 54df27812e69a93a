"""The Inception-v3 that FID is defined by: the graph of 2015-12-05, as TensorFlow ran it.

Tensors have the names of the converted weights that torchmetrics, torch-fidelity and pytorch-fid download
(`Conv2d_1a_3x3.conv.weight` and so on). What differs from Inception-v3 elsewhere: average pools do not count
their padding, the last block pools with a maximum, and pictures are resized with corner-aligned grids.
"""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from portrait3d.metrics.given_weights import fill, read_given

SIDE = 299
FEATURES, CLASSES = 2048, 1008
Size = tuple[int, int]


class BasicConv(nn.Module):
    """Convolution without bias, batch norm, rectifier. `kernel` is (height, width)."""

    def __init__(
        self, inputs: int, outputs: int, kernel: Size, stride: int = 1, padding: Size = (0, 0)
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(outputs, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) to (B, outputs, H', W')."""
        return F.relu(self.bn(self.conv(x)))


class Block(nn.Module):
    """Parallel branches whose outputs are joined by channel.

    Args:
        inputs: Channels of the input.
        branches: Each a chain of (name, outputs, kernel[, stride]) convolutions; stride 1 keeps the size. A
            tuple of such entries at the end of a chain forks it.
        pool: "mean" or "max" with stride 1, "max2" with stride 2.
        pooled: Channels of the convolution after the pool; 0 for none.
    """

    def __init__(self, inputs: int, branches: Sequence[Sequence], pool: str, pooled: int = 0) -> None:
        super().__init__()
        self.chains: list[list[list[str]]] = []
        for branch in branches:
            channels, chain = inputs, []
            for step in branch:
                forks = [step] if isinstance(step[0], str) else list(step)
                for name, outputs, kernel, *stride in forks:
                    down = stride[0] if stride else 1
                    padding = (0, 0) if down > 1 else (kernel[0] // 2, kernel[1] // 2)
                    self.add_module(name, BasicConv(channels, outputs, kernel, down, padding))
                channels = forks[-1][1]
                chain.append([fork[0] for fork in forks])
            self.chains.append(chain)
        self.pool = pool
        self.branch_pool = BasicConv(inputs, pooled, (1, 1)) if pooled else None

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) to (B, sum of the branches, H', W')."""
        found = []
        for chain in self.chains:
            y = x
            for names in chain:
                y = torch.cat([self.get_submodule(name)(y) for name in names], 1)
            found.append(y)
        if self.pool == "mean":
            y = F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)
        else:
            y = F.max_pool2d(x, 3, 1, 1) if self.pool == "max" else F.max_pool2d(x, 3, 2)
        return torch.cat([*found, y if self.branch_pool is None else self.branch_pool(y)], 1)


_ONE, _THREE, _FIVE, _WIDE, _HIGH = (1, 1), (3, 3), (5, 5), (1, 7), (7, 1)


def _a(inputs: int, pooled: int) -> Block:
    branches = (
        [("branch1x1", 64, _ONE)],
        [("branch5x5_1", 48, _ONE), ("branch5x5_2", 64, _FIVE)],
        [("branch3x3dbl_1", 64, _ONE), ("branch3x3dbl_2", 96, _THREE), ("branch3x3dbl_3", 96, _THREE)],
    )
    return Block(inputs, branches, "mean", pooled)


def _b(inputs: int) -> Block:
    double = [("branch3x3dbl_1", 64, _ONE), ("branch3x3dbl_2", 96, _THREE), ("branch3x3dbl_3", 96, _THREE, 2)]
    return Block(inputs, ([("branch3x3", 384, _THREE, 2)], double), "max2")


def _c(inputs: int, inner: int) -> Block:
    double = [("branch7x7dbl_1", inner, _ONE)]
    double += [(f"branch7x7dbl_{i}", inner, _HIGH if i % 2 == 0 else _WIDE) for i in (2, 3, 4)]
    branches = (
        [("branch1x1", 192, _ONE)],
        [("branch7x7_1", inner, _ONE), ("branch7x7_2", inner, _WIDE), ("branch7x7_3", 192, _HIGH)],
        [*double, ("branch7x7dbl_5", 192, _WIDE)],
    )
    return Block(inputs, branches, "mean", 192)


def _d(inputs: int) -> Block:
    seven = [("branch7x7x3_1", 192, _ONE), ("branch7x7x3_2", 192, _WIDE), ("branch7x7x3_3", 192, _HIGH)]
    branches = (
        [("branch3x3_1", 192, _ONE), ("branch3x3_2", 320, _THREE, 2)],
        [*seven, ("branch7x7x3_4", 192, _THREE, 2)],
    )
    return Block(inputs, branches, "max2")


def _e(inputs: int, pool: str) -> Block:
    def fork(name: str, first: str, second: str) -> tuple:
        return (f"{name}{first}", 384, (1, 3)), (f"{name}{second}", 384, (3, 1))

    double = [("branch3x3dbl_1", 448, _ONE), ("branch3x3dbl_2", 384, _THREE)]
    branches = (
        [("branch1x1", 320, _ONE)],
        [("branch3x3_1", 384, _ONE), fork("branch3x3_", "2a", "2b")],
        [*double, fork("branch3x3dbl_", "3a", "3b")],
    )
    return Block(inputs, branches, pool, 192)


class Inception(nn.Module):
    """Features (B, 2048) of uint8 pictures (B, 3, H, W), as FID wants them."""

    num_features = FEATURES  # torchmetrics asks for it

    def __init__(self) -> None:
        super().__init__()
        self.Conv2d_1a_3x3 = BasicConv(3, 32, _THREE, 2)
        self.Conv2d_2a_3x3 = BasicConv(32, 32, _THREE)
        self.Conv2d_2b_3x3 = BasicConv(32, 64, _THREE, padding=(1, 1))
        self.Conv2d_3b_1x1 = BasicConv(64, 80, _ONE)
        self.Conv2d_4a_3x3 = BasicConv(80, 192, _THREE)
        self.Mixed_5b, self.Mixed_5c, self.Mixed_5d = _a(192, 32), _a(256, 64), _a(288, 64)
        self.Mixed_6a = _b(288)
        self.Mixed_6b, self.Mixed_6c, self.Mixed_6d = _c(768, 128), _c(768, 160), _c(768, 160)
        self.Mixed_6e = _c(768, 192)
        self.Mixed_7a = _d(768)
        self.Mixed_7b, self.Mixed_7c = _e(1280, "mean"), _e(2048, "max")
        self.fc = nn.Linear(FEATURES, CLASSES)  # not used; in the published file

    @classmethod
    def load(cls, file: Path) -> "Inception":
        """Read the published weights.

        Raises:
            InputError: If they are not those of this network.
        """
        with torch.device("meta"):
            network = cls()
        fill(network, read_given([file]), str(file))
        return network

    @torch.inference_mode()
    def forward(self, pictures: Tensor) -> Tensor:
        """(B, 3, H, W) uint8 to (B, 2048)."""
        x = (resize(pictures.float(), SIDE) - 128) / 128
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x)))
        x = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(F.max_pool2d(x, 3, 2)))
        x = F.max_pool2d(x, 3, 2)
        for name, block in self.named_children():
            if name.startswith("Mixed"):
                x = block(x)
        return x.mean((2, 3))


def resize(pictures: Tensor, side: int) -> Tensor:
    """Bilinear to (B, C, side, side) as TensorFlow 1 did: pixel i looks at i * input / side, unfiltered."""
    for axis in (-2, -1):
        size = pictures.shape[axis]
        at = torch.arange(side, dtype=torch.float32) * (size / side)
        low = at.floor().long().clamp(max=size - 1)
        share = (at - low).reshape(-1, 1) if axis == -2 else at - low
        first = pictures.index_select(axis, low)
        second = pictures.index_select(axis, (low + 1).clamp(max=size - 1))
        pictures = first + (second - first) * share
    return pictures
