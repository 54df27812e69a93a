"""Reading plane features at points of the world."""

import torch
from torch import Tensor
from torch.nn import functional as F

from triplane_render.errors import InputError
from triplane_render.planes import PlaneLayout, Planes


def sample_planes_reference(
    planes: Tensor, points: Tensor, layout: PlaneLayout = PlaneLayout.ORTHOGONAL, box_warp: float = 1.0
) -> Tensor:
    """Mean over the three planes of the features at points, by `grid_sample`.

    Each point is scaled by 2 / box_warp, projected as `layout` says, and read bilinearly (trilinearly from a
    tri-grid) with zeros outside and texel edges at -1 and 1 (align_corners=False). Source: EG3D (Chan et
    al. 2022, section 3).

    Args:
        planes: (B, 3, C, H, W) or (B, 3, C, D, H, W).
        points: (B, M, 3) world units.
        layout: How points are projected.
        box_warp: Side of the cube that the planes cover.

    Returns:
        (B, M, C). Differentiable in planes and points.

    Raises:
        InputError: If the shapes do not fit.
    """
    Planes(planes, layout, box_warp)
    if points.ndim != 3 or points.shape[-1] != 3 or points.shape[0] != planes.shape[0]:
        cause = f"must be ({planes.shape[0]}, M, 3), got {tuple(points.shape)}"
        raise InputError("points", cause, "Give one set per batch entry.")
    if points.shape[0] == 0 or points.shape[1] == 0:
        return planes.new_zeros(*points.shape[:2], planes.shape[2])
    unit = points * (2 / box_warp)
    total = torch.zeros((), dtype=planes.dtype, device=planes.device)
    for plane, axes in enumerate(layout.axes):
        if planes.ndim == 5:
            grid = unit[:, None, :, axes[:2]]
        else:
            grid = unit[:, None, None, :, axes]
        read = F.grid_sample(planes[:, plane], grid, "bilinear", "zeros", align_corners=False)
        total = total + read.flatten(2)  # the sizes of 1 fall away: (B, C, M)
    return total.mT / 3


def sample_planes(
    planes: Tensor, points: Tensor, layout: PlaneLayout = PlaneLayout.ORTHOGONAL, box_warp: float = 1.0
) -> Tensor:
    """Mean over the three planes of the features at points; see `sample_planes_reference`."""
    return sample_planes_reference(planes, points, layout, box_warp)
