"""The motion adapter for one person: what does not change from frame to frame is computed once."""

from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from portrait3d.motion_adapter import MOTION_GAIN, REST_GAIN, MotionAdapter
from portrait3d.plane_axes import diff_windows

FLIPS = ((0,), (0,), (0, 1))  # rows and columns that `to_world` turns round, of XY, XZ and ZY


class FoldedAdapter:
    """Target PNCC -> driven planes, equal to `Portrait3D.drive_planes` but for rounding.

    The first convolution is linear, so its share of canonical and source picture is a constant; the 1x1
    convolutions of SegFormer's head commute with the enlarging between them and become one per level; planes
    are written with their channels last, as the renderer reads them.

    Args:
        adapter: Without LoRA, or with it merged. Its weights are copied where they are folded, else shared.
        canonical, source: (3, S, S) PNCC of the person, in [-1, 1].
        planes: (3, C, R, R) canonical planes.
    """

    def __init__(self, adapter: MotionAdapter, canonical: Tensor, source: Tensor, planes: Tensor) -> None:
        config = adapter.config
        self.canonical, self.stages = canonical[None], adapter.encoder.stages
        first: Any = self.stages[0]
        self.embed, self.mix = first.embed, first.mix
        stem: nn.Conv2d = self.embed.proj
        rest = torch.cat(
            [REST_GAIN * canonical, MOTION_GAIN * (source - canonical), torch.zeros_like(source)]
        )
        self.constant = stem(adapter.prenet(rest[None]))
        moving = MOTION_GAIN * adapter.prenet.weight[:, 6:, 0, 0]  # (12, 3)
        self.stem = torch.einsum("oikl,ic->ockl", stem.weight, moving).contiguous()

        head: Any = adapter.head
        width = config.adapter_width
        parts = head.fuse.weight[:, :, 0, 0].split(width, 1)
        linears = [linear.weight[:, :, 0, 0] for linear in head.linears]
        biases = [part @ linear.bias for part, linear in zip(parts, head.linears, strict=True)]
        self.levels = [part @ linear for part, linear in zip(parts, linears, strict=True)]
        self.level_bias = head.fuse.bias + torch.stack(biases).sum(0)
        self.to_plane = _channels_last(adapter.to_plane)

        # Rows in the order (dy, dx, plane, channel): a pixel shuffle is then a transposition.
        channels = 3 * config.plane_channels
        rows = torch.arange(4 * channels).reshape(channels, 4).T.flatten()
        assert adapter.out.bias is not None
        self.out, self.out_bias = adapter.out.weight[rows, :, 0, 0].contiguous(), adapter.out.bias[rows]
        self.channels = config.plane_channels
        self.windows = diff_windows(planes.shape[-1], config.box_warp)
        resting = planes.permute(0, 2, 3, 1).contiguous()
        if config.adapter_from_rest:
            at_rest = self._add(torch.zeros_like(resting), canonical[None])
            resting = resting - at_rest
        self.resting = resting

    def drive(self, target: Tensor) -> Tensor:
        """Driven planes of one frame.

        Args:
            target: (1, 3, S, S) PNCC in [-1, 1].

        Returns:
            (1, 3, C, R, R), channels last in memory.
        """
        return self._add(self.resting.clone(), target).permute(0, 3, 1, 2)[None]

    def _add(self, planes: Tensor, target: Tensor) -> Tensor:
        """Add the answer to `target` to planes (3, R, R, C), in place."""
        answer = self._answer(target)
        for plane, part, (rows, columns), flips in zip(planes, answer, self.windows, FLIPS, strict=True):
            size = (rows.stop - rows.start, columns.stop - columns.start)
            placed = F.interpolate(
                part.permute(2, 0, 1)[None], size, mode="bilinear", align_corners=False
            )  # keeps channels last
            plane[rows, columns] += placed[0].permute(1, 2, 0).flip(flips)
        return planes

    def _answer(self, target: Tensor) -> Tensor:
        """(3, 2h, 2w, C) in picture order; h x w is the finest level."""
        proj = self.embed.proj
        patches = F.conv2d(target - self.canonical, self.stem, None, proj.stride, proj.padding)
        x = self.mix(self.embed.normalise(patches + self.constant))
        height, width = x.shape[-2:]
        mixed = F.linear(x.permute(0, 2, 3, 1), self.levels[0], self.level_bias).permute(0, 3, 1, 2)
        for stage, weight in zip(list(self.stages)[1:], self.levels[1:], strict=True):
            x = stage(x)
            level = F.linear(x.permute(0, 2, 3, 1), weight).permute(0, 3, 1, 2)
            mixed = mixed + F.interpolate(level, (height, width), mode="bilinear", align_corners=False)
        features = self.to_plane(mixed.relu().contiguous(memory_format=torch.channels_last))
        out = F.linear(features.permute(0, 2, 3, 1), self.out, self.out_bias)
        out = out.reshape(height, width, 2, 2, 3, self.channels).permute(4, 0, 2, 1, 3, 5)
        return out.reshape(3, 2 * height, 2 * width, self.channels)


def _channels_last(module: nn.Module) -> Any:
    """A copy whose convolutions run with channels last."""
    copy: Any = deepcopy(module)
    return copy.to(memory_format=torch.channels_last)
