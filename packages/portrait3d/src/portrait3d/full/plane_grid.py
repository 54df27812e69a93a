"""Three planes -> three thin grids."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class GridBlock(nn.Module):
    """Two 3-D convolutions, each behind a group norm and ReLU, added with a learned weight."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = (nn.GroupNorm(4, channels) for _ in range(2))
        self.conv1, self.conv2 = (
            nn.Conv3d(channels, channels, 3, padding=1, padding_mode="replicate") for _ in range(2)
        )
        self.alpha = nn.Parameter(torch.tensor([0.01]))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, D, H, W) -> the same shape."""
        hidden = self.conv1(F.relu(self.norm1(x)))
        return x + self.alpha * self.conv2(F.relu(self.norm2(hidden)))


class PlaneGrid(nn.Module):
    """Lets the layers of each tri-grid know of one another (the published "trigrid_v2").

    Args:
        channels: C, a multiple of 4.
        depth: D; grids deeper than 3 have two blocks.
    """

    def __init__(self, channels: int, depth: int) -> None:
        super().__init__()
        self.depth = depth
        self.blocks = nn.Sequential(*[GridBlock(channels) for _ in range(1 if depth <= 3 else 2)])

    def forward(self, planes: Tensor) -> Tensor:
        """(B, 3, C D, H, W), layers of one channel beside one another -> (B, 3, C, D, H, W)."""
        grids = planes.unflatten(2, (-1, self.depth))
        return self.blocks(grids.flatten(0, 1)).unflatten(0, (-1, 3))
