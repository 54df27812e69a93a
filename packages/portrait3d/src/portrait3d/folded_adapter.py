"""The motion adapter for one person: what does not change from frame to frame is computed once."""

from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from portrait3d.motion_adapter import MOTION_GAIN, REST_GAIN, MotionAdapter
from portrait3d.plane_axes import diff_windows
from portrait3d.precision import exactly


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

        # Outputs in the order (plane, dy, dx, channel): a pixel shuffle is then a transposition. `to_world`
        # turns the rows of all planes round and the columns of ZY; here the features are turned, and the four
        # outputs of one of them, which are far smaller than the planes.
        assert adapter.out.bias is not None
        shape = (3, config.plane_channels, 2, 2)
        weights, biases = (
            values.unflatten(0, shape).flip(2).movedim(1, 3)
            for values in (adapter.out.weight[:, :, 0, 0], adapter.out.bias)
        )
        self.upright = weights[:2].flatten(0, 3), biases[:2].flatten()
        self.sideways = weights[2].flip(1).flatten(0, 2), biases[2].flip(1).flatten()
        self.channels = config.plane_channels
        self.windows = diff_windows(planes.shape[-1], config.box_warp)
        self.resting = planes.permute(0, 2, 3, 1).contiguous()
        if config.adapter_from_rest:
            resting, self.resting = self.resting, torch.zeros_like(self.resting)
            self.resting = resting - self._driven(canonical[None])

    def drive(self, target: Tensor) -> Tensor:
        """Driven planes of one frame.

        Args:
            target: (1, 3, S, S) PNCC in [-1, 1].

        Returns:
            (1, 3, C, R, R), channels last in memory.
        """
        with exactly(target.device):
            return self._driven(target).permute(0, 3, 1, 2)[None]

    def _driven(self, target: Tensor) -> Tensor:
        """The planes at rest plus the answer to `target`, (3, R, R, C)."""
        planes = torch.empty_like(self.resting)
        answer = self._answer(target)
        for plane, rest, part, (rows, columns) in zip(
            planes, self.resting, answer, self.windows, strict=True
        ):
            size = (rows.stop - rows.start, columns.stop - columns.start)
            placed = F.interpolate(
                part[None].permute(0, 3, 1, 2), size, mode="bilinear", align_corners=False
            )  # keeps channels last
            torch.add(rest[rows, columns], placed[0].permute(1, 2, 0), out=plane[rows, columns])
            plane[: rows.start], plane[rows.stop :] = rest[: rows.start], rest[rows.stop :]
            for beside in (slice(columns.start), slice(columns.stop, None)):
                plane[rows, beside] = rest[rows, beside]
        return planes

    def _answer(self, target: Tensor) -> list[Tensor]:
        """(2h, 2w, C) in world order for each plane; h x w is the finest level."""
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
        features = features[0].permute(1, 2, 0).flip(0)
        parts = [F.linear(features, *self.upright), F.linear(features.flip(1), *self.sideways)]
        shape = (height, width, -1, 2, 2, self.channels)
        shuffled = [part.reshape(shape).permute(2, 0, 3, 1, 4, 5) for part in parts]
        return [
            plane for planes in shuffled for plane in planes.reshape(-1, 2 * height, 2 * width, self.channels)
        ]


def _channels_last(module: nn.Module) -> Any:
    """A copy whose convolutions run with channels last."""
    copy: Any = deepcopy(module)
    return copy.to(memory_format=torch.channels_last)
