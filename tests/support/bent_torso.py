"""A torso that random weights bend over a random background, in double precision."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ball_portrait import TINY
from portrait3d.folded_torso import FoldedTorso
from portrait3d.model import Portrait3D

SIDE = 128


@dataclass(frozen=True)
class BentTorso:
    """What bends, and what it was made from: see `FoldedTorso` for shapes.

    Attributes:
        target: (4, 2) key-points that bend it.
        first_row: Above it there is no torso.
    """

    model: Portrait3D
    folded: FoldedTorso
    torso: Tensor
    background: Tensor
    source: Tensor
    target: Tensor
    first_row: int

    @classmethod
    @torch.no_grad()
    def from_row(cls, first_row: int) -> "BentTorso":
        """A torso that begins at a row; at 128 there is none."""
        torch.manual_seed(0)
        model = Portrait3D(TINY).eval().double()
        torch.nn.init.normal_(model.torso_warp.out.weight, std=0.05)
        torso = torch.rand(4, SIDE, SIDE, dtype=torch.float64)
        torso[3, :first_row] = 0
        background = torch.rand(3, SIDE, SIDE, dtype=torch.float64) * 2 - 1
        source, target = (torch.rand(2, 4, 2, dtype=torch.float64) - 0.5) * 0.4
        folded = FoldedTorso(model.torso_warp, torso, background, source)
        return cls(model, folded, torso, background, source, target, first_row)

    @property
    def wall(self) -> Tensor:
        """The background (3, S, S) in [0, 1]."""
        return self.background * 0.5 + 0.5
