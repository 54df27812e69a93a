"""Does a picture look real, and does its raw rendering belong to it (EG3D, Chan et al. 2022, section 4.3)?"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from portrait3d.equalised import EqualisedConv2d, EqualisedLinear, scaled_leaky_relu
from portrait3d.fir_resampling import fir_blur, fir_downsample

LAST_SIDE = 4


@dataclass(frozen=True)
class DiscriminatorConfig:
    """Sizes of `DualDiscriminator`; the defaults are the published ones.

    Attributes:
        picture_size: Side of the pictures, a power of two of at least 8.
        channel_base: A layer of side s has min(channel_base / s, channel_max) channels.
        channel_max: The most channels of any layer.
        camera_dim: Numbers of the camera: camera-to-world (16) and intrinsics (9).
        mapping_layers: Layers of the network that reads the camera.
        group_size: Pictures whose spread is measured together; fewer where a batch is smaller.
        clamp: Bound of the activations, so that half precision does not overflow.
    """

    picture_size: int = 512
    channel_base: int = 32768
    channel_max: int = 512
    camera_dim: int = 25
    mapping_layers: int = 8
    group_size: int = 2
    clamp: float = 256.0

    def __post_init__(self) -> None:
        size = self.picture_size
        if size < 8 or size & (size - 1):
            raise ValueError(
                f"DiscriminatorConfig.picture_size must be a power of two of at least 8, got {size}"
            )
        for name in ("channel_max", "camera_dim", "mapping_layers", "group_size", "clamp"):
            if getattr(self, name) <= 0:
                raise ValueError(f"DiscriminatorConfig.{name} must be positive, got {getattr(self, name)}")
        if self.channel_base < size:
            raise ValueError(
                f"DiscriminatorConfig.channel_base {self.channel_base} leaves no channel at side {size}"
            )

    def channels(self, side: int) -> int:
        """Channels of a layer of this side."""
        return min(self.channel_base // side, self.channel_max)

    @property
    def sides(self) -> tuple[int, ...]:
        """Sides of the residual blocks' inputs, largest first; the last block ends at 4."""
        return tuple(1 << level for level in range(self.picture_size.bit_length() - 1, 2, -1))


class DownBlock(nn.Module):
    """Residual block that halves the side (StyleGAN2, Karras et al. 2020, section 4.1)."""

    def __init__(self, channels_in: int, channels_out: int, clamp: float) -> None:
        super().__init__()
        self.clamp = clamp
        self.conv0 = EqualisedConv2d(channels_in, channels_in, 3)
        self.conv1 = EqualisedConv2d(channels_in, channels_out, 3)
        self.skip = EqualisedConv2d(channels_in, channels_out, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, H) -> (B, C', H / 2, H / 2)."""
        half = math.sqrt(0.5)  # two summands of equal variance
        short = self.skip(fir_downsample(x)) * half
        x = scaled_leaky_relu(self.conv0(x, padding=1), clamp=self.clamp)
        x = self.conv1(fir_blur(x, 2, 2), stride=2)
        return short + scaled_leaky_relu(x, half, self.clamp)


class CameraMapping(nn.Module):
    """Camera (B, D) -> direction (B, W) along which the last features are judged (Miyato and Koyama 2018)."""

    def __init__(self, camera_dim: int, width: int, layers: int) -> None:
        super().__init__()
        self.embed = EqualisedLinear(camera_dim, width)
        self.layers = nn.ModuleList(EqualisedLinear(width, width, rate=0.01) for _ in range(layers))

    def forward(self, camera: Tensor) -> Tensor:
        """Map; the embedded camera is scaled to unit second moment first."""
        x = self.embed(camera)
        x = x * (x.square().mean(1, keepdim=True) + 1e-8).rsqrt()
        for layer in self.layers:
            x = scaled_leaky_relu(layer(x))
        return x


def append_batch_spread(x: Tensor, group_size: int) -> Tensor:
    """Append one channel: how much the pictures of a group differ (Karras et al. 2018, section 3).

    Args:
        x: (B, C, H, W); picture i is in the same group as i + B / G, i + 2 B / G, …
        group_size: Wanted pictures per group G; the largest divisor of B that is no larger is taken.

    Returns:
        (B, C + 1, H, W).
    """
    batch = x.shape[0]
    size = max(g for g in range(1, min(group_size, batch) + 1) if batch % g == 0)
    groups = x.reshape(size, batch // size, *x.shape[1:])
    variance = (groups - groups.mean(0)).square().mean(0)
    spread = (variance + 1e-8).sqrt().mean((1, 2, 3))
    return torch.cat([x, spread.repeat(size)[:, None, None, None].expand(-1, 1, *x.shape[2:])], 1)


class DualDiscriminator(nn.Module):
    """Judges picture and raw rendering together, given the camera.

    Both are stacked to six channels: a super-resolution that paints what the rendering does not show is found
    out. Source: EG3D section 4.3; sizes as Real3D-Portrait trains it.
    """

    def __init__(self, config: DiscriminatorConfig) -> None:
        super().__init__()
        self.config = config
        self.from_pictures = EqualisedConv2d(6, config.channels(config.picture_size), 1)
        self.blocks = nn.ModuleList(
            DownBlock(config.channels(side), config.channels(side // 2), config.clamp)
            for side in config.sides
        )
        width = config.channels(LAST_SIDE)
        self.mapping = CameraMapping(config.camera_dim, width, config.mapping_layers)
        self.last_conv = EqualisedConv2d(width + 1, width, 3)
        self.last_linear = EqualisedLinear(width * LAST_SIDE**2, width)
        self.out = EqualisedLinear(width, width)

    def forward(self, picture: Tensor, raw: Tensor, camera: Tensor) -> Tensor:
        """Judge.

        Args:
            picture: (B, 3, S, S) in [-1, 1]; values beyond are clamped.
            raw: (B, 3, s, s) the volume rendering in [-1, 1], of any side s.
            camera: (B, 25) camera-to-world and intrinsics, flattened.

        Returns:
            (B, 1) logits, positive for real.

        Raises:
            ValueError: The picture is not of the configured size.
        """
        size = self.config.picture_size
        if picture.shape[-2:] != (size, size):
            raise ValueError(f"the discriminator reads {size} x {size} pictures, got {tuple(picture.shape)}")
        raw = F.interpolate(raw, (size, size), mode="bilinear", align_corners=False, antialias=True)
        clamp = self.config.clamp
        x = torch.cat([picture, raw], 1).clamp(-1, 1)
        x = scaled_leaky_relu(self.from_pictures(x), clamp=clamp)
        for block in self.blocks:
            x = block(x)
        x = append_batch_spread(x, self.config.group_size)
        x = scaled_leaky_relu(self.last_conv(x, padding=1), clamp=clamp)
        x = self.out(scaled_leaky_relu(self.last_linear(x.flatten(1))))
        direction = self.mapping(camera)
        return (x * direction).sum(1, keepdim=True) / math.sqrt(direction.shape[1])
