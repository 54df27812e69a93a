"""Rendered features at the ray grid -> colour and alpha at four times its size."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def smooth(x: Tensor) -> Tensor:
    """Filter (B, C, H, W) with taps [1, 2, 1] / 4 both ways, zeros beyond the border.

    Nothing is left of what alternates from pixel to pixel: the four phases of a pixel shuffle are learned
    apart, and where they differ a checker shows (Odena et al. 2016).
    """
    taps = x.new_tensor([0.25, 0.5, 0.25])
    return F.conv2d(x, torch.outer(taps, taps).expand(x.shape[1], 1, 3, 3), padding=1, groups=x.shape[1])


class SuperResolution(nn.Module):
    """Convolutions at the ray grid, then two smoothed pixel shuffles; raw colours and alpha are the start.

    The published model uses two StyleGAN2 blocks with constant modulation, which fold to plain
    convolutions; almost all of a frame's arithmetic is there (published-systems, section 11). Here most
    layers run at the ray grid, where a pixel costs a sixteenth, and detail is unfolded by shuffling.
    """

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.stem = nn.Conv2d(channels + 1, width, 3, 1, 1)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(width, width, 3, 1, 1), nn.LeakyReLU(0.2), nn.Conv2d(width, width, 3, 1, 1)
            )
            for _ in range(2)
        )
        half = width // 2
        self.up1 = nn.Conv2d(width, 4 * half, 3, 1, 1)
        self.fine = nn.Conv2d(half, half, 3, 1, 1)
        self.up2 = nn.Conv2d(half, 4 * 4, 3, 1, 1)
        nn.init.zeros_(self.up2.weight)
        assert self.up2.bias is not None
        nn.init.zeros_(self.up2.bias)

    def forward(
        self, features: Tensor, opacity: Tensor, guide: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Enlarge.

        Args:
            features: (B, C, H, W); the first three channels are colour in [0, 1], times opacity.
            opacity: (B, 1, H, W) in [0, 1].
            guide: (B, width / 2, 2H, 2W), added between the shuffles (see `PosedGuide`); None for nothing.

        Returns:
            colour (B, 3, 4H, 4W), times alpha, and alpha (B, 1, 4H, 4W); neither is clamped, so that a
            loss on them has a gradient everywhere.
        """
        residual = smooth(F.pixel_shuffle(self.phases(features, opacity, guide), 2))
        return self._added(residual, features, opacity, 4)

    def halved(self, features: Tensor, opacity: Tensor, guide: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """What `forward` gives, each 2 x 2 pixels averaged, for less work: all after the last convolution is
        linear. Arguments as there; (B, 3, 2H, 2W) and (B, 1, 2H, 2W)."""
        phases = self.phases(features, opacity, guide)
        # Along a line the mean of a smoothed pair is 3/8 of both, 1/8 of the last phase before them and
        # 1/8 of the first one after them.
        line = phases.new_tensor([[0, 3, 1], [1, 3, 0]]) / 8
        taps = torch.einsum("iy,jx->ijyx", line, line).reshape(1, 4, 3, 3)
        averaged = F.conv2d(phases, taps.repeat(4, 1, 1, 1), padding=1, groups=4)
        return self._added(averaged, features, opacity, 2)

    def phases(self, features: Tensor, opacity: Tensor, guide: Tensor | None = None) -> Tensor:
        """The four phases of each output channel at twice the ray grid, (B, 4 * 4, 2H, 2W)."""
        x = self.stem(torch.cat([features, opacity], 1))
        for block in self.blocks:
            x = x + block(F.leaky_relu(x, 0.2))
        x = smooth(F.pixel_shuffle(self.up1(F.leaky_relu(x, 0.2)), 2))
        if guide is not None:
            x = x + guide
        x = x + self.fine(F.leaky_relu(x, 0.2))
        phases: Tensor = self.up2(F.leaky_relu(x, 0.2))
        return phases

    @staticmethod
    def _added(residual: Tensor, features: Tensor, opacity: Tensor, scale: int) -> tuple[Tensor, Tensor]:
        start = torch.cat([features[:, :3], opacity], 1)
        out = F.interpolate(start, scale_factor=scale, mode="bilinear", align_corners=False) + residual
        return out[:, :3], out[:, 3:]
