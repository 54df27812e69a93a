"""The bent torso over the background for one person: what does not change is computed once."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from portrait3d.precision import exactly
from portrait3d.torso import TorsoWarp, picture_grid

UNSEEN = 1 / 512  # an alpha that changes no byte of a picture


class FoldedTorso:
    """Key-points -> torso over background, equal to `Portrait3D.render_back` to within a byte's rounding.

    Rows that the torso cannot reach are the background's and are not looked at.

    Args:
        warp: Without LoRA, or with it merged.
        torso: (4, S, S) colour in [-1, 1] and alpha in [0, 1].
        background: (3, S, S) in [-1, 1]; with half the torso's side the drawn picture has half of it too.
        source: (K, 2) key-points of the source frame in [-1, 1].
    """

    def __init__(self, warp: TorsoWarp, torso: Tensor, background: Tensor, source: Tensor) -> None:
        self.warp, self.source = warp, source[None]
        side = background.shape[-1]
        self.small = F.interpolate(torso[None], (warp.SIZE, warp.SIZE), mode="area")
        self.torso = torch.cat([torso[:3] * 0.5 + 0.5, torso[3:]])[None]
        self.background = background * 0.5 + 0.5
        self.grid = picture_grid(side, torso)
        # Bilinear enlarging along one axis, (S, SIZE).
        self.enlarge = F.interpolate(
            torch.eye(warp.SIZE, dtype=torso.dtype, device=torso.device)[None], side, mode="linear"
        )[0].T.contiguous()
        rows = torch.nonzero(torso[3].amax(1) > UNSEEN).flatten()
        centres = picture_grid(torso.shape[-1], torso)[:, 0, 1]
        self.highest = float(centres[int(rows[0])]) if len(rows) else math.inf
        if len(rows) and not rows[0]:  # what lies beyond the border looks like the border
            self.highest = -math.inf

    def draw(self, target: Tensor) -> Tensor:
        """The torso as the key-points (K, 2) of a frame bend it; returns (3, S, S) in [0, 1]."""
        top, bent, alpha = self._bent(target)
        picture = self.background.clone()
        below = picture[:, top:]
        below += alpha * (bent - below)
        return picture

    def layer(self, target: Tensor) -> Tensor:
        """The torso alone as the key-points (K, 2) bend it: colour times alpha, and alpha, (4, S, S)."""
        top, bent, alpha = self._bent(target)
        layer = self.background.new_zeros(4, *self.background.shape[1:])
        layer[:3, top:], layer[3:, top:] = alpha * bent, alpha
        return layer

    def _bent(self, target: Tensor) -> tuple[int, Tensor, Tensor]:
        """The first row that the torso can reach; from it on colour (3, rows, S) and alpha (1, rows, S)."""
        moved = self.warp.motion(self.small, self.source, target[None])[0]
        with exactly(moved.device):  # places in the picture need all their bits
            return self._moved(moved)

    def _moved(self, moved: Tensor) -> tuple[int, Tensor, Tensor]:
        side = len(self.grid)
        # A row at y looks as low as y + the largest shift; half a texel more is blended.
        first = side / 2 * (self.highest - float(moved[1].max()) + 1) - 2
        top = int(min(max(first, 0), side))
        if top == side:
            return top, self.background[:, :0], self.background[:1, :0]
        flow, seen = moved.split([2, 1])
        flow = (self.enlarge[top:] @ flow) @ self.enlarge.T  # (2, rows, S)
        seen = (self.enlarge[top:] @ seen) @ self.enlarge.T
        where = self.grid[top:] + flow.permute(1, 2, 0)
        bent = F.grid_sample(self.torso, where[None], padding_mode="border", align_corners=False)[0]
        return top, bent[:3], (bent[3:] * seen.sigmoid_()).clamp_(0, 1)
