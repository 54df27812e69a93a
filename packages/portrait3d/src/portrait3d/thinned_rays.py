"""Every other ray each way, for pictures of half the size: what lies between is interpolated."""

from torch import Tensor
from torch.nn import functional as F


def thinned(values: Tensor) -> Tensor:
    """Every other row and column of (B, C, H, W), beginning with the first."""
    return values[..., ::2, ::2]


def between(values: Tensor, rows: int, columns: int) -> Tensor:
    """Undo `thinned` by linear interpolation; colours are times their opacity, so they mix as light does.

    Args:
        values: (B, C, ceil(rows / 2), ceil(columns / 2)).
        rows: H of what is wanted.
        columns: W of it.

    Returns:
        (B, C, H, W); `thinned` of it is `values`. Beyond the last row and column of `values` these go on.
    """
    size = 2 * values.shape[-2] - 1, 2 * values.shape[-1] - 1
    filled = F.interpolate(values, size=size, mode="bilinear", align_corners=True)
    return F.pad(filled, (0, columns - size[1], 0, rows - size[0]), mode="replicate")
