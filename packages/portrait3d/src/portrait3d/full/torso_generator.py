"""The bent volume of torso features -> the torso's picture."""

from torch import Tensor, nn
from torch.nn import functional as F

from portrait3d.full.config import FullConfig
from portrait3d.full.torso_blocks import ConvNormRelu, ResidualBlock

BLOCKS = 6


class TorsoGenerator(nn.Module):
    """Generator of face-vid2vid (Wang et al. 2021, section 3.3) with spectral norm (Miyato et al. 2018)."""

    def __init__(self, config: FullConfig) -> None:
        super().__init__()
        width = config.torso_width
        self.stem = ConvNormRelu("spectral", config.torso_channels * config.torso_depth, 4 * width, slope=0.2)
        self.mix = nn.Conv2d(4 * width, 4 * width, 1)
        self.blocks = nn.Sequential(*(ResidualBlock("spectral", 4 * width) for _ in range(BLOCKS)))
        self.up = nn.ModuleList(
            [
                ConvNormRelu("spectral", 4 * width, 2 * width),
                ConvNormRelu("spectral", 2 * width, width),
            ]
        )
        self.out = nn.Conv2d(width, 3, 7, padding=3)

    def forward(self, appearance: Tensor, deformation: Tensor) -> tuple[Tensor, Tensor]:
        """Bend and draw.

        Args:
            appearance: (B, C, D, H, H).
            deformation: (B, D, H, H, 3) where to sample it, in [-1, 1].

        Returns:
            The torso (B, 3, 4H, 4H) in [-1, 1], not clamped, and its features (B, W, 4H, 4H).
        """
        bent = F.grid_sample(appearance, deformation, padding_mode="border", align_corners=True)
        x = self.blocks(self.mix(self.stem(bent.flatten(1, 2))))
        for layer in self.up:
            x = layer(F.interpolate(x, scale_factor=2.0))
        return self.out(x), x
