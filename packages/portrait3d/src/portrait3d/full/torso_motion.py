"""Where every part of the torso comes from, given where the head's key-points were and are."""

from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from portrait3d.full.config import FullConfig
from portrait3d.full.torso_blocks import ConvNormRelu, ResidualBlock

KEYPOINTS = {4: (0, 8, 16, 27), 9: (0, 3, 6, 8, 10, 13, 16, 27, 33)}  # of the 68 landmarks
VARIANCE = 0.01
COMPRESSED = 4
HEAD_BLOCKS = 3


def torso_keypoints(landmarks: Tensor, count: int) -> Tensor:
    """The landmarks that drive the torso: ears, chin, bridge of the nose; with 9 more of jaw and nose.

    Args:
        landmarks: (B, 68, 2 or 3) in [-1, 1], x to the right and y down.
        count: 4 or 9.
    """
    return landmarks[:, list(KEYPOINTS[count])]


def keypoints_in_volume(keypoints: Tensor, batch: int) -> Tensor:
    """(B or 1, K, 2 or 3) -> (batch, K, 3): flat key-points lie in the volume's middle, z = 0."""
    if keypoints.shape[-1] == 2:
        keypoints = F.pad(keypoints, (0, 1))
    return keypoints.expand(batch, -1, -1)


def _line(size: int, like: Tensor) -> Tensor:
    return torch.linspace(-1, 1, size, dtype=like.dtype, device=like.device)


def volume_grid(depth: int, size: int, like: Tensor) -> Tensor:
    """(D, H, H, 3) texel centres x, y, z, the outermost at -1 and 1 (`align_corners=True`)."""
    z, y, x = torch.meshgrid(_line(depth, like), _line(size, like), _line(size, like), indexing="ij")
    return torch.stack([x, y, z], -1)


def volume_heatmaps(keypoints: Tensor, depth: int, size: int) -> Tensor:
    """Gaussians of variance 0.01 at key-points (B, K, 3): (B, K, D, H, H), as products over the axes."""
    gauss = [
        torch.exp((_line(count, keypoints) - keypoints[..., axis, None]).square() / (-2 * VARIANCE))
        for axis, count in ((2, depth), (1, size), (0, size))
    ]
    return gauss[0][..., :, None, None] * gauss[1][..., None, :, None] * gauss[2][..., None, None, :]


class TorsoMotionField(NamedTuple):
    """What `TorsoMotion` predicts.

    Attributes:
        deformation: (B, D, H, H, 3) where to sample the appearance, x, y, z in [-1, 1].
        occlusion: (B, 1, H, H) in [0, 1], trained to be where the warped torso is seen.
        blend_occlusion: (B, 1, H, H) in [0, 1], a second one, from which the torso's alpha is made.
    """

    deformation: Tensor
    occlusion: Tensor
    blend_occlusion: Tensor


class TorsoMotion(nn.Module):
    """Motion field estimator of face-vid2vid (section 3.2), which also sees the head as it will be drawn.

    Every key-point offers one rigid shift of the whole volume and the identity offers none; an hourglass
    sees all of them applied and mixes them per texel. Source: Real3D-Portrait section 3.3; key-points have
    identity Jacobians, so that the mix of candidate maps is the identity plus the mix of their shifts.
    """

    def __init__(self, config: FullConfig) -> None:
        super().__init__()
        width, channels = config.torso_width, config.torso_channels
        self.depth = config.torso_depth
        candidates = config.torso_keypoints + 1
        offered = candidates * (1 + COMPRESSED)
        widths = [width << level for level in range(config.torso_levels)]
        self.compress = nn.Conv3d(channels + 2, COMPRESSED, 1)
        self.down = nn.ModuleList(
            ConvNormRelu("volume", c_in, c_out) for c_in, c_out in pairwise([offered, *widths])
        )
        rising = [*reversed(widths), width // 2]
        self.up = nn.ModuleList(ConvNormRelu("volume", c_in, c_out) for c_in, c_out in pairwise(rising))
        mixed = offered + width // 2
        self.sees_head = config.torso_warp == 2
        if self.sees_head:
            self.head = nn.Sequential(
                ConvNormRelu("flat", 4, width // 2, kernel=7),
                *(ResidualBlock("flat", width // 2) for _ in range(HEAD_BLOCKS)),
            )
            self.fuse_head = nn.Conv3d(width // 2 + mixed, width // 2, 7, padding=3)
            mixed = width // 2
        self.mask = nn.Conv3d(mixed, candidates, 7, padding=3)
        self.occlusion = nn.Conv2d(mixed * self.depth, 1, 7, padding=3)
        self.blend_occlusion = nn.Conv2d(mixed * self.depth, 1, 7, padding=3)

    def forward(
        self, compressed: Tensor, source: Tensor, target: Tensor, head: Tensor, head_alpha: Tensor
    ) -> TorsoMotionField:
        """Estimate.

        Args:
            compressed: (B, 4, D, H, H) the appearance volume through `compress`.
            source: (B, K, 3) key-points of the source frame in [-1, 1].
            target: (B, K, 3) key-points of the wanted frame.
            head: (B, 3, 4H, 4H) the wanted frame's head in [-1, 1].
            head_alpha: (B, 1, 4H, 4H) its alpha in [0, 1].
        """
        depth, size = compressed.shape[-3], compressed.shape[-1]
        grid = volume_grid(depth, size, compressed)
        shifts = F.pad(source - target, (0, 0, 1, 0))  # the first candidate is the identity
        heat = volume_heatmaps(target, depth, size) - volume_heatmaps(source, depth, size)
        heat = F.pad(heat, (0, 0, 0, 0, 0, 0, 1, 0))
        where = grid + shifts[:, :, None, None, None]
        count = shifts.shape[1]
        bent = F.grid_sample(
            compressed.repeat_interleave(count, 0), where.flatten(0, 1), align_corners=True
        ).unflatten(0, (-1, count))
        offered = torch.cat([heat[:, :, None], bent], 2).flatten(1, 2)
        x = offered
        for layer in self.down:
            x = F.avg_pool3d(layer(x), (1, 2, 2))
        for layer in self.up:
            x = layer(F.interpolate(x, scale_factor=(1.0, 2.0, 2.0)))
        x = torch.cat([offered, x], 1)
        if self.sees_head:
            x = conv_with_flat(x, self._head_features(head, head_alpha), self.fuse_head)
        masks = self.mask(x).softmax(1)
        deformation = grid + torch.einsum("bkdhw,bkc->bdhwc", masks, shifts)
        flat = x.flatten(1, 2)
        return TorsoMotionField(
            deformation, self.occlusion(flat).sigmoid(), self.blend_occlusion(flat).sigmoid()
        )

    def _head_features(self, head: Tensor, alpha: Tensor) -> Tensor:
        """(B, W / 2, H, H) of a head drawn at 4 H."""
        x = F.interpolate(torch.cat([head, alpha], 1), scale_factor=0.5, mode="bilinear", align_corners=False)
        return F.interpolate(self.head(x), scale_factor=0.5, mode="bilinear", align_corners=False)


def conv_with_flat(volume: Tensor, flat: Tensor, conv: nn.Conv3d) -> Tensor:
    """`conv` of the volume and of a flat map repeated along depth, without convolving the copies.

    Over copies a kernel acts as its own sum along depth, less the slices that stand outside: away from the
    two ends one flat convolution serves all depths. Saves a third of the published network's costliest layer.

    Args:
        volume: (B, C, D, H, W).
        flat: (B, C', H, W).
        conv: C + C' channels in, odd kernel, padded to keep the size.

    Returns:
        conv(cat([volume, flat repeated D times], 1)), (B, out, D, H, W).
    """
    channels, depth = volume.shape[1:3]
    kernel = conv.kernel_size[0]
    reach = kernel // 2
    own, copied = conv.weight[:, :channels], conv.weight[:, channels:]
    # For each depth the kernel slices that stand inside; equal ones are convolved once.
    spans = [(max(reach - d, 0), min(kernel, depth + reach - d)) for d in range(depth)]
    distinct = sorted(set(spans))
    kernels = torch.cat([copied[:, :, first:last].sum(2) for first, last in distinct])
    maps = F.conv2d(flat, kernels, padding=reach).unflatten(1, (len(distinct), -1))
    index = torch.tensor([distinct.index(span) for span in spans], device=flat.device)
    return F.conv3d(volume, own, conv.bias, padding=reach) + maps[:, index].transpose(1, 2)
