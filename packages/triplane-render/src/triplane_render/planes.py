"""Feature planes and which coordinates of a point each of them sees."""

from dataclasses import dataclass
from enum import Enum

from torch import Tensor

from triplane_render.errors import InputError


class PlaneLayout(Enum):
    """The coordinates (column, row, depth) by which plane 0, 1 and 2 are sampled; 0 = x, 1 = y, 2 = z.

    `EG3D` sends (x, y, z) to XY, XZ and ZX, as the published weights of EG3D and its descendants need: their
    projection matrices never sample the YZ plane. `ORTHOGONAL` sends it to XY, XZ and ZY. The third entry
    is the depth axis, used by tri-grids only.
    """

    EG3D = ((0, 1, 2), (0, 2, 1), (2, 0, 1))
    ORTHOGONAL = ((0, 1, 2), (0, 2, 1), (2, 1, 0))

    @property
    def axes(self) -> tuple[tuple[int, int, int], ...]:
        """Per plane: the axis of its columns (W), of its rows (H) and of its depth (D, tri-grids)."""
        return self.value


@dataclass(frozen=True)
class Planes:
    """Features on three planes, or on three thin grids.

    Attributes:
        features: (B, 3, C, H, W) tri-plane, or (B, 3, C, D, H, W) tri-grid.
        layout: How points are projected.
        box_warp: Side of the cube, centred at the origin, that the planes cover, world units, > 0.

    Raises:
        InputError: If the shape or the side is not as said.
    """

    features: Tensor
    layout: PlaneLayout = PlaneLayout.ORTHOGONAL
    box_warp: float = 1.0

    def __post_init__(self) -> None:
        shape = tuple(self.features.shape)
        if len(shape) not in (5, 6) or shape[1] != 3:
            raise InputError(
                "planes", f"must be (B, 3, C, H, W) or (B, 3, C, D, H, W), got {shape}",
                "Stack the three planes along dimension 1.",
            )  # fmt: skip
        if 0 in shape[2:]:
            raise InputError("planes", f"has an empty dimension, got {shape}", "Give at least one texel.")
        if not self.box_warp > 0:
            raise InputError("box_warp", f"must be > 0, got {self.box_warp}", "Give the side of the cube.")
