"""One picture of a head -> its canonical planes."""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from portrait3d.full.config import FullConfig
from portrait3d.full.deeplab import DeepLab
from portrait3d.plane_axes import to_world
from portrait3d.segformer import Block, PatchEmbed, start_transformers

BLACK = -0.999  # a pixel darker than this on average is no head
CAMERA = 25  # numbers of a camera: camera-to-world and intrinsics, row by row


class PatchTransformer(nn.Module):
    """Patches of 2x2, transformer blocks, and back to the size that came in."""

    def __init__(self, channels_in: int, dim: int, depth: int, heads: int, reduction: int) -> None:
        super().__init__()
        self.embed = PatchEmbed(channels_in, dim, 3, 2)
        self.blocks = nn.ModuleList(Block(dim, heads, reduction, 2) for _ in range(depth))

    def forward(self, x: Tensor) -> Tensor:
        """(B, in, H, W) -> (B, dim / 4, H, W)."""
        x = self.embed(x)
        tokens = x.flatten(2).transpose(1, 2)
        for block in self.blocks:
            tokens = block(tokens, *x.shape[2:])
        return F.pixel_shuffle(tokens.transpose(1, 2).reshape(x.shape), 2)


class LowResolutionBranch(nn.Module):
    """Sees the head as a whole and makes it canonical, at an eighth of the picture; upsampled to half."""

    def __init__(self, channels_in: int, config: FullConfig) -> None:
        super().__init__()
        width = config.mixing_width
        self.encoder = DeepLab(channels_in, config)
        self.transformer = PatchTransformer(
            config.aspp_width, config.vit_dim, config.vit_depth, config.vit_heads, reduction=1
        )
        self.upsample = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)
        self.convs = nn.ModuleList(
            nn.Conv2d(channels, width, 3, padding=1) for channels in (config.vit_dim // 4, width)
        )
        self.out = nn.Conv2d(width, config.feature_width, 3, padding=1)
        for part in (self.transformer, self.convs, self.out):
            start_transformers(part)

    def forward(self, x: Tensor) -> Tensor:
        """(B, in, S, S) -> (B, feature_width, S / 2, S / 2)."""
        x = self.transformer(self.encoder(x))
        for convolve in self.convs:
            x = F.relu(convolve(self.upsample(x)))
        return self.out(x)


class HighResolutionBranch(nn.Module):
    """Fine detail: convolutions without any norm; none follows the first one's output, as published."""

    def __init__(self, channels_in: int, config: FullConfig) -> None:
        super().__init__()
        width = config.feature_width
        self.first = nn.Conv2d(channels_in, config.detail_width, 7, 2, 3)
        self.convs = nn.ModuleList(
            nn.Conv2d(channels, width, 3, padding=1)
            for channels in (config.detail_width, width, width, width)
        )
        self.out = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, in, S, S) -> (B, feature_width, S / 2, S / 2)."""
        x = self.first(x)
        for convolve in self.convs:
            x = F.leaky_relu(convolve(x), 0.01)
        return self.out(x)


class PlanePredictor(nn.Module):
    """Both branches -> planes in picture order."""

    def __init__(self, config: FullConfig) -> None:
        super().__init__()
        width, features = config.mixing_width, config.feature_width
        self.mix = nn.ModuleList(
            [nn.Conv2d(2 * features, 2 * width, 3, padding=1), nn.Conv2d(2 * width, width, 3, padding=1)]
        )
        self.transformer = PatchTransformer(
            width, config.vit_dim, config.predictor_depth, config.vit_heads, reduction=2
        )
        channels = (config.vit_dim // 4 + features, 2 * width, width, width)
        self.convs = nn.ModuleList(
            nn.Conv2d(before, after, 3, padding=1) for before, after in pairwise(channels)
        )
        self.out = nn.Conv2d(width, 3 * config.plane_channels * config.plane_depth, 3, padding=1)
        start_transformers(self)

    def forward(self, low: Tensor, high: Tensor) -> Tensor:
        """Two (B, feature_width, H, W) -> (B, 3 C D, H, W)."""
        x = torch.cat([low, high], 1)
        for convolve in self.mix:
            x = F.leaky_relu(convolve(x), 0.01)
        x = torch.cat([self.transformer(x), low], 1)
        for convolve in self.convs:
            x = F.leaky_relu(convolve(x), 0.01)
        return self.out(x)


class ImageToPlane(nn.Module):
    """Two branches, one for the head as a whole and one for its detail, and a predictor that joins them.

    Source: Real3D-Portrait section 3.1, after LP3D (Trevithick et al. 2023, section 3.2). Two coordinate
    channels, row and column over the size, tell convolutions where they are.
    """

    def __init__(self, config: FullConfig) -> None:
        super().__init__()
        self.sees_alpha = "alpha" in config.input_mode
        self.camera_channels = nn.Linear(CAMERA, 3) if "camera" in config.input_mode else None
        channels = 3 + self.sees_alpha + 3 * (self.camera_channels is not None) + 2
        self.low = LowResolutionBranch(channels, config)
        self.high = HighResolutionBranch(channels, config)
        self.predictor = PlanePredictor(config)

    def forward(self, head: Tensor, alpha: Tensor | None = None, camera: Tensor | None = None) -> Tensor:
        """Predict canonical planes.

        Args:
            head: (B, 3, S, S) picture of the head in [-1, 1], all else -1.
            alpha: (B, 1, S, S) of the head in [0, 1]; by default where the picture is not black. Input
                modes with alpha only.
            camera: (B, 25) of the picture: camera-to-world (16) and normalised intrinsics (9). Input modes
                with camera only.

        Returns:
            (B, 3, C D, S/2, S/2) planes in world axes; the layers of a channel lie beside one another.

        Raises:
            ValueError: If the input mode needs a camera and none is given.
        """
        seen = [head]
        if self.sees_alpha:
            seen.append((head.mean(1, keepdim=True) >= BLACK).to(head) if alpha is None else alpha)
        if self.camera_channels is not None:
            if camera is None:
                raise ValueError(
                    "this image-to-plane model needs the camera (B, 25) of the picture, got None"
                )
            seen.append(self.camera_channels(camera)[..., None, None].expand(-1, -1, *head.shape[2:]))
        size = head.shape[-1]
        line = (torch.arange(size, device=head.device) / size).to(head.dtype)
        seen += [line.expand(len(head), 1, size, size).mT, line.expand(len(head), 1, size, size)]
        x = torch.cat(seen, 1)
        planes = self.predictor(self.low(x), self.high(x))
        return to_world(planes.unflatten(1, (3, -1)))
