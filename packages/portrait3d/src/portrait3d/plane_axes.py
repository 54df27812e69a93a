"""How picture-aligned network outputs become planes of the head's world."""

import torch
from torch import Tensor
from torch.nn import functional as F

# World window (x0, x1, y0, y1) that the PNCC picture shows at the face's depth: `face3dmm.PNCC_CROP` of the
# zero-pose picture, 0.46 * 9.8 / 4.2647 decimetres to each side of its centre, times 0.27.
PNCC_WINDOW = (-0.285, 0.285, -0.313, 0.257)


def to_world(planes: Tensor) -> Tensor:
    """Flip picture-aligned planes into world axes.

    Networks predict planes in picture order (row 0 at the top); world y points up, and the side view is
    seen from behind the picture plane. Source: Real3D-Portrait, `flipped_to_world_coord`: XY and XZ are
    flipped along H, ZY along H and W.

    Args:
        planes: (B, 3, C, H, W) in picture order.

    Returns:
        The same shape in world order.
    """
    xy, xz, zy = planes.unbind(1)
    return _side_by_side([xy.flip(-2), xz.flip(-2), zy.flip((-2, -1))])


def place_diff(diff: Tensor, resolution: int, box_warp: float) -> Tensor:
    """Put a diff-plane where its PNCC picture looks.

    A convolution answers where it sees: a mouth in the PNCC picture must lie over the mouth of the XY plane,
    or the network has to learn a shift and a scale before anything moves. Along z, which no picture shows,
    the whole cube is covered.

    Args:
        diff: (B, 3, C, h, w) in world order, as `to_world` gives it.
        resolution: R of the planes.
        box_warp: Side of their cube in world units.

    Returns:
        (B, 3, C, R, R), zero outside the window; channels last in memory, as renderers read planes.
    """
    placed = []
    for plane, (rows, columns) in zip(diff.unbind(1), diff_windows(resolution, box_warp), strict=True):
        size = (rows.stop - rows.start, columns.stop - columns.start)
        plane = plane.contiguous(memory_format=torch.channels_last)
        part = F.interpolate(plane, size, mode="bilinear", align_corners=False)
        margins = (columns.start, resolution - columns.stop, rows.start, resolution - rows.stop)
        placed.append(F.pad(part, margins))
    return _side_by_side(placed)


def _side_by_side(planes: list[Tensor]) -> Tensor:
    """Three (B, C, H, W) as (B, 3, C, H, W), in the order of memory that they have."""
    return torch.cat(planes).unflatten(0, (3, -1)).transpose(0, 1)


def diff_windows(resolution: int, box_warp: float) -> tuple[tuple[slice, slice], ...]:
    """Rows and columns of the planes XY, XZ and ZY, R = `resolution`, that a diff-plane covers."""

    def span(low: float, high: float) -> slice:
        return slice(round((low / box_warp + 0.5) * resolution), round((high / box_warp + 0.5) * resolution))

    x, y, z = span(*PNCC_WINDOW[:2]), span(*PNCC_WINDOW[2:]), slice(0, resolution)
    return (y, x), (z, x), (y, z)
