"""The super-resolution of the head alone: rendered features -> a picture of four times their size."""

from torch import Tensor, nn
from torch.nn import functional as F

from portrait3d.full.config import FullConfig
from portrait3d.full.synthesis import SynthesisBlock


class ResidualConvolutions(nn.Module):
    """Two 3x3 convolutions, each with a ReLU, added to what came in; no norm, as published."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> the same shape."""
        return x + F.relu(self.second(F.relu(self.first(x))))


class LargeSynthesisBlock(nn.Module):
    """A synthesis block with residual blocks behind it, which add to the picture once more (`large_sr`)."""

    def __init__(self, channels_in: int, channels_out: int, w_dim: int, depth: int) -> None:
        super().__init__()
        self.block = SynthesisBlock(channels_in, channels_out, w_dim, up=True)
        self.residuals = nn.Sequential(*[ResidualConvolutions(channels_out) for _ in range(depth)])
        self.to_rgb = nn.Conv2d(channels_out, 3, 1)

    def forward(self, x: Tensor, picture: Tensor | None) -> tuple[Tensor, Tensor]:
        """As `SynthesisBlock` with `up`."""
        x, picture = self.block(x, picture)
        x = self.residuals(x)
        return x, picture + self.to_rgb(x)


def super_resolution_blocks(config: FullConfig) -> tuple[nn.Module, nn.Module]:
    """The blocks from the ray grid to twice, and from there to four times its size."""
    sizes = [(config.plane_channels, config.sr_width), (config.sr_width, config.sr_width // 2)]
    made: list[nn.Module] = []
    for before, after in sizes:
        if config.large_sr:
            made.append(LargeSynthesisBlock(before, after, config.w_dim, config.large_sr_blocks))
        else:
            made.append(SynthesisBlock(before, after, config.w_dim, up=True))
    return made[0], made[1]


class SuperResolution(nn.Module):
    """Two synthesis blocks, as published for the head alone (EG3D's super-resolution, section 4.3)."""

    def __init__(self, config: FullConfig) -> None:
        super().__init__()
        self.block0, self.block1 = super_resolution_blocks(config)

    def forward(self, raw: Tensor, features: Tensor) -> Tensor:
        """Enlarge.

        Args:
            raw: (B, 3, H, W) rendered colour in [-1, 1].
            features: (B, C, H, W) rendered features; the first three channels are `raw`.

        Returns:
            (B, 3, 4 H, 4 W), not clamped.
        """
        x, picture = self.block0(features, raw)
        return self.block1(x, picture)[1]
