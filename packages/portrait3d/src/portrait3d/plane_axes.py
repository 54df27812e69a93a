"""How picture-aligned network outputs become planes of the head's world."""

import torch
from torch import Tensor


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
    return torch.stack([xy.flip(-2), xz.flip(-2), zy.flip((-2, -1))], 1)
