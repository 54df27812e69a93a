"""The low-resolution encoder: a dilated ResNet and an atrous pyramid."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from portrait3d.full.config import FullConfig
from portrait3d.full.resnet import DilatedResNet

RATES = (12, 24, 36)


class AtrousPyramid(nn.Module):
    """What a place looks like at five ranges: itself, three dilated 3x3 neighbourhoods, the whole picture.

    Source: DeepLabV3 (Chen et al. 2017, section 3.3), without its batch norms, as published.
    """

    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__()
        self.near = nn.Conv2d(channels_in, channels, 1, bias=False)
        self.dilated = nn.ModuleList(
            nn.Conv2d(channels_in, channels, 3, padding=rate, dilation=rate, bias=False) for rate in RATES
        )
        self.whole = nn.Conv2d(channels_in, channels, 1, bias=False)
        self.project = nn.Conv2d((2 + len(RATES)) * channels, channels, 1, bias=False)
        self.dropout = nn.Dropout(0.5)

    def forward(self, x: Tensor) -> Tensor:
        """(B, in, H, W) -> (B, channels, H, W)."""
        whole = self.whole(x.mean((2, 3), keepdim=True)).expand(-1, -1, *x.shape[2:])
        ranges = [self.near(x), *(convolve(x) for convolve in self.dilated), whole]
        return self.dropout(F.relu(self.project(F.relu(torch.cat(ranges, 1)))))


class DeepLab(nn.Module):
    """Picture -> features at an eighth of its size."""

    def __init__(self, channels_in: int, config: FullConfig) -> None:
        super().__init__()
        self.encoder = DilatedResNet(channels_in, config.resnet_width, config.resnet_depths)
        self.pyramid = AtrousPyramid(8 * config.resnet_width, config.aspp_width)
        self.out = nn.Conv2d(config.aspp_width, config.aspp_width, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, in, S, S) -> (B, aspp_width, S / 8, S / 8)."""
        return self.out(self.pyramid(self.encoder(x)))
