"""Where pixels meet a dome that stands for the head: hair and ears have no mesh, and stand still on it."""

import torch
from torch import Tensor

CENTRE = (0.0, 0.09, -0.12)  # world units, of the ellipsoid whose front half is the dome, about the scalp
RADII = (0.235, 0.33, 0.34)
REACH = (0.34, 0.42)  # right and up from the centre: what the chart holds


def dome_places(
    camera_to_world: Tensor, intrinsics: Tensor, rows: slice, columns: slice, grid: int
) -> Tensor:
    """Where the rays through pixels' centres meet the dome, or, beside it, the plane of its rim.

    Both are fixed to the head, so that what is painted on them turns with it. Seen from the front the chart
    is the picture: a point's place is its x and y in the world.

    Args:
        camera_to_world: (4, 4), in front of the rim's plane.
        intrinsics: (3, 3), normalised.
        rows, columns: Of a picture of `grid` pixels a side.
        grid: See there.

    Returns:
        (h, w, 2) x right and y up, in [-1, 1] inside the chart.
    """
    like = camera_to_world
    v = (torch.arange(rows.start, rows.stop, dtype=like.dtype, device=like.device) + 0.5) / grid
    u = (torch.arange(columns.start, columns.stop, dtype=like.dtype, device=like.device) + 0.5) / grid
    y = ((v - intrinsics[1, 2]) / intrinsics[1, 1])[:, None]
    x = (u - intrinsics[0, 2] - intrinsics[0, 1] * y) / intrinsics[0, 0]
    turn = like[:3, :3, None, None]
    ahead = turn[:, 0] * x + turn[:, 1] * y + turn[:, 2]  # (3, h, w)
    radii = like.new_tensor(RADII)
    origin = like[:3, 3] - like.new_tensor(CENTRE)
    start, step = (origin / radii)[:, None, None], ahead / radii[:, None, None]
    a, b = step.square().sum(0), (start * step).sum(0)
    inside = b.square() - a * (start.square().sum() - 1)
    near = (-b - inside.clamp_min(0).sqrt()) / a
    rim = -origin[2] / ahead[2]
    on_dome = (inside > 0) & (origin[2] + near * ahead[2] > 0)
    distance = torch.where(on_dome, near, rim)
    place = origin[:2, None, None] + distance * ahead[:2]
    return (place / like.new_tensor(REACH)[:, None, None]).movedim(0, -1)
