"""The torso layer: one picture of the torso, bent to follow the head."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def keypoint_heatmaps(keypoints: Tensor, size: int, variance: float = 0.01) -> Tensor:
    """Gaussians at key-points (face-vid2vid, Wang et al. 2021, section 3.2).

    Args:
        keypoints: (B, K, 2) in [-1, 1], x then y.
        size: Side of the maps.
        variance: Of the Gaussian, in the same units squared.

    Returns:
        (B, K, size, size) in (0, 1].
    """
    grid = picture_grid(size, keypoints)
    offset = grid[None, None] - keypoints[:, :, None, None]
    return torch.exp(-offset.square().sum(-1) / (2 * variance))


def picture_grid(size: int, like: Tensor) -> Tensor:
    """(size, size, 2) pixel centres in [-1, 1], x then y, in `like`'s dtype and device."""
    line = (torch.arange(size, device=like.device, dtype=like.dtype) * 2 + 1) / size - 1
    rows, columns = torch.meshgrid(line, line, indexing="ij")
    return torch.stack([columns, rows], -1)


class TorsoWarp(nn.Module):
    """A dense motion from a few head key-points, weighted by learned masks, and an occlusion map.

    Source: Real3D-Portrait section 3.3: the torso is driven by predefined face-model key-points, not by
    unsupervised ones; motion as in face-vid2vid, here in the picture plane. Each key-point offers its own
    shift, a further candidate shifts nothing (the shoulders against the frame), the network mixes them and
    adds a small free residual.
    """

    SIZE = 64

    def __init__(self, keypoints: int, width: int) -> None:
        super().__init__()
        self.keypoints = keypoints
        channels = keypoints + 4 * (keypoints + 1)
        self.down1 = nn.Conv2d(channels, width, 3, 1, 1)
        self.down2 = nn.Conv2d(width, 2 * width, 3, 2, 1)
        self.down3 = nn.Conv2d(2 * width, 4 * width, 3, 2, 1)
        self.down4 = nn.Conv2d(4 * width, 4 * width, 3, 2, 1)
        self.up3 = nn.Conv2d(8 * width, 2 * width, 3, 1, 1)
        self.up2 = nn.Conv2d(4 * width, width, 3, 1, 1)
        self.up1 = nn.Conv2d(2 * width, width, 3, 1, 1)
        self.out = nn.Conv2d(width, keypoints + 1 + 2 + 1, 3, 1, 1)
        nn.init.zeros_(self.out.weight)
        assert self.out.bias is not None
        nn.init.zeros_(self.out.bias)
        with torch.no_grad():
            self.out.bias[-1] = 4.0  # all of the torso is visible at the start

    def forward(self, torso: Tensor, source: Tensor, target: Tensor) -> Tensor:
        """Bend the torso.

        Args:
            torso: (B, 4, S, S) colour in [-1, 1] and alpha in [0, 1] of the source frame's torso.
            source: (B, K, 2) key-points of the source frame in [-1, 1].
            target: (B, K, 2) key-points of the wanted frame.

        Returns:
            (B, 4, S, S) the torso in the wanted frame.
        """
        # The layer must not learn to steer the network that bends it: it did, in blocks that showed.
        small = F.interpolate(torso.detach(), (self.SIZE, self.SIZE), mode="area")
        full = torso.shape[-1]
        moved = self.motion(small, source, target)
        moved = F.interpolate(moved, (full, full), mode="bilinear", align_corners=False)
        where = picture_grid(full, torso)[None] + moved[:, :2].permute(0, 2, 3, 1)
        warped = F.grid_sample(torso, where, padding_mode="border", align_corners=False)
        return torch.cat([warped[:, :3], warped[:, 3:] * moved[:, 2:].sigmoid()], 1)

    def motion(self, small: Tensor, source: Tensor, target: Tensor) -> Tensor:
        """From where each place of the wanted frame takes its torso, and whether it shows any.

        Args:
            small: (B, 4, SIZE, SIZE) the source frame's torso.
            source, target: (B, K, 2) key-points in [-1, 1].

        Returns:
            (B, 3, SIZE, SIZE): shift along x and y, in [-1, 1] of the picture, and the logit of what is seen.
        """
        size = self.SIZE
        grid = picture_grid(size, small)[None, None]
        shifts = torch.cat([source - target, torch.zeros_like(source[:, :1])], 1)
        candidates = grid + shifts[:, :, None, None]
        batch, count = shifts.shape[:2]
        bent = F.grid_sample(
            small.repeat_interleave(count, 0),
            candidates.flatten(0, 1),
            padding_mode="border",
            align_corners=False,
        )
        heat = keypoint_heatmaps(target, size) - keypoint_heatmaps(source, size)
        x = torch.cat([heat, bent.reshape(batch, -1, size, size)], 1)
        fine = F.leaky_relu(self.down1(x), 0.2)
        half = F.leaky_relu(self.down2(fine), 0.2)
        quarter = F.leaky_relu(self.down3(half), 0.2)
        eighth = F.leaky_relu(self.down4(quarter), 0.2)
        x = F.leaky_relu(self.up3(torch.cat([_double(eighth), quarter], 1)), 0.2)
        x = F.leaky_relu(self.up2(torch.cat([_double(x), half], 1)), 0.2)
        x = F.leaky_relu(self.up1(torch.cat([_double(x), fine], 1)), 0.2)
        masks, residual, occlusion = self.out(x).to(target).split([count, 2, 1], 1)
        flow = (masks.softmax(1)[..., None] * shifts[:, :, None, None]).sum(1)
        flow = flow + 0.1 * residual.permute(0, 2, 3, 1)
        return torch.cat([flow.permute(0, 3, 1, 2), occlusion], 1)


def _double(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
