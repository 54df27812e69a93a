"""ResNet of basic blocks whose last two stages keep their size and see further instead."""

from torch import Tensor, nn
from torch.nn import functional as F

from portrait3d.full.conv_norm import ConvNorm


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions with batch norm around a shortcut (He et al. 2016, figure 5 left)."""

    def __init__(self, channels_in: int, channels: int, stride: int, dilation: int) -> None:
        super().__init__()
        self.first = ConvNorm(channels_in, channels, 3, stride, dilation)
        self.second = ConvNorm(channels, channels, 3, 1, dilation)
        changes = stride != 1 or channels_in != channels
        self.shortcut = ConvNorm(channels_in, channels, 1, stride) if changes else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """(B, in, H, W) -> (B, channels, H / stride, W / stride)."""
        return F.relu(self.second(F.relu(self.first(x))) + self.shortcut(x))


class DilatedResNet(nn.Module):
    """ResNet with output stride 8: stages 3 and 4 trade their stride for dilations 2 and 4.

    Source: He et al. 2016 (ResNet-34 at width 64 and depths 3, 4, 6, 3), dilated as DeepLab's (Chen et al.
    2017, section 3.1).

    Args:
        channels_in: Of the picture.
        width: Channels of the first stage; every stage doubles them.
        depths: Blocks of the four stages.
    """

    def __init__(self, channels_in: int, width: int, depths: tuple[int, ...]) -> None:
        super().__init__()
        self.stem = ConvNorm(channels_in, width, 7, 2)
        self.stages = nn.ModuleList()
        channels = width
        for index, (depth, stride, dilation) in enumerate(
            zip(depths, (1, 2, 1, 1), (1, 1, 2, 4), strict=True)
        ):
            wide = width * 2**index
            blocks = [ResidualBlock(channels, wide, stride, dilation)]
            blocks += [ResidualBlock(wide, wide, 1, dilation) for _ in range(depth - 1)]
            self.stages.append(nn.Sequential(*blocks))
            channels = wide

    def forward(self, x: Tensor) -> Tensor:
        """(B, in, H, W) -> (B, 8 width, H / 8, W / 8)."""
        x = F.max_pool2d(F.relu(self.stem(x)), 3, 2, 1)
        for stage in self.stages:
            x = stage(x)
        return x
