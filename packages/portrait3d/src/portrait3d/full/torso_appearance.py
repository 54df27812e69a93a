"""The torso's picture -> a volume of features, once per person."""

from torch import Tensor, nn
from torch.nn import functional as F

from portrait3d.full.config import FullConfig
from portrait3d.full.torso_blocks import ConvNormRelu, ResidualBlock

BLOCKS = 6


class TorsoAppearance(nn.Module):
    """Appearance feature extractor of face-vid2vid (Wang et al. 2021, section 3.1).

    Flat convolutions at falling size, channels spread over depth, residual blocks in the volume.
    """

    def __init__(self, config: FullConfig) -> None:
        super().__init__()
        width = config.torso_width
        self.volume = (config.torso_channels, config.torso_depth)
        self.stem = ConvNormRelu("flat", 5 if config.torso_input == "rgb_alpha" else 3, width, kernel=7)
        self.down = nn.ModuleList(
            [ConvNormRelu("flat", width, 2 * width), ConvNormRelu("flat", 2 * width, 4 * width)]
        )
        self.spread = nn.Conv2d(4 * width, config.torso_channels * config.torso_depth, 1)
        self.blocks = nn.Sequential(*(ResidualBlock("volume", config.torso_channels) for _ in range(BLOCKS)))

    def forward(self, torso: Tensor) -> Tensor:
        """Extract.

        Args:
            torso: (B, 3, H, H) in [-1, 1], or (B, 5, H, H) with the masks of neck and clothes.

        Returns:
            (B, C, D, H / 4, H / 4).
        """
        x = self.stem(torso)
        for layer in self.down:
            x = F.avg_pool2d(layer(x), 2)
        return self.blocks(self.spread(x).unflatten(1, self.volume))
