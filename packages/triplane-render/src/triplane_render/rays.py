"""Rays, where they meet a box, and what rendering gives back."""

from dataclasses import dataclass

import torch
from torch import Tensor

from triplane_render.errors import InputError


@dataclass(frozen=True)
class Rays:
    """Half lines in the world.

    Attributes:
        origins: (B, N, 3) world units.
        directions: (B, N, 3); distances along a ray are measured in its length.

    Raises:
        InputError: If the shapes differ or do not end in 3.
    """

    origins: Tensor
    directions: Tensor

    def __post_init__(self) -> None:
        shapes = tuple(self.origins.shape), tuple(self.directions.shape)
        if shapes[0] != shapes[1] or len(shapes[0]) != 3 or shapes[0][-1] != 3:
            raise InputError(
                "rays", f"origins and directions must both be (B, N, 3), got {shapes[0]} and {shapes[1]}",
                "Expand both to one shape.",
            )  # fmt: skip

    @classmethod
    def from_camera(
        cls, camera_to_world: Tensor, intrinsics: Tensor, resolution: int | tuple[int, int]
    ) -> "Rays":
        """One ray through the centre of each pixel, rows first.

        Camera axes are OpenCV's (x right, y down, z forward); u = fx x / z + s y / z + cx, v likewise.

        Args:
            camera_to_world: (B, 4, 4).
            intrinsics: (B, 3, 3) normalised to a picture of width and height 1.
            resolution: Rays per side, or (rows, columns).

        Returns:
            Rays with unit directions; N = rows * columns.
        """
        rows, columns = (resolution, resolution) if isinstance(resolution, int) else resolution
        pose = camera_to_world
        v, u = torch.meshgrid(
            (torch.arange(rows, dtype=pose.dtype, device=pose.device) + 0.5) / rows,
            (torch.arange(columns, dtype=pose.dtype, device=pose.device) + 0.5) / columns,
            indexing="ij",
        )
        k = intrinsics[:, None, :, :].to(pose)
        y = (v.flatten() - k[..., 1, 2]) / k[..., 1, 1]
        x = (u.flatten() - k[..., 0, 2] - k[..., 0, 1] * y) / k[..., 0, 0]
        in_camera = torch.stack([x, y, torch.ones_like(x)], -1)
        directions = torch.nn.functional.normalize(in_camera @ pose[:, :3, :3].mT, dim=-1)
        origins = pose[:, None, :3, 3].expand_as(directions)
        return cls(origins, directions)


@dataclass(frozen=True)
class RenderOutput:
    """What a march along rays gives; everything is weighted by opacity, over a transparent background.

    Attributes:
        features: (B, N, C_out), sum of weight * feature.
        depth: (B, N), sum of weight * distance along the ray; see `expected_depth`.
        opacity: (B, N) in [0, 1], sum of the weights.
    """

    features: Tensor
    depth: Tensor
    opacity: Tensor

    def expected_depth(self, empty: float = 0.0) -> Tensor:
        """Mean distance (B, N) at which the ray was stopped; `empty` where nothing stopped it."""
        hit = self.opacity > 0
        return torch.where(hit, self.depth / torch.where(hit, self.opacity, 1), empty)


def intersect_box(ray_origins: Tensor, ray_directions: Tensor, *, side: float = 1.0) -> tuple[Tensor, Tensor]:
    """Where rays enter and leave the cube [-side/2, side/2]^3 (slab method, Kay and Kajiya 1986).

    Args:
        ray_origins, ray_directions: (..., 3) world units.
        side: Side of the cube, > 0.

    Returns:
        near, far (...): 0 <= near < far where the ray crosses the cube in front of its origin, else both 0.

    Raises:
        InputError: If side is not > 0.
    """
    if not side > 0:
        raise InputError("side", f"must be > 0, got {side}", "Give the side of the cube.")
    # A direction of 0 divides to +-inf, which orders rightly, and 0 / 0 (a ray in a face) to nan: not a hit.
    first = (-side / 2 - ray_origins) / ray_directions
    second = (side / 2 - ray_origins) / ray_directions
    near = torch.minimum(first, second).amax(-1).clamp_min(0)
    far = torch.maximum(first, second).amin(-1)
    hit = far > near
    return torch.where(hit, near, 0), torch.where(hit, far, 0)


def intersect_box_reference(
    ray_origins: Tensor, ray_directions: Tensor, *, side: float = 1.0
) -> tuple[Tensor, Tensor]:
    """Plain twin of `intersect_box`: axis by axis, keeping the interval inside all slabs so far."""
    near = torch.zeros_like(ray_origins[..., 0])
    far = torch.full_like(near, float("inf"))
    for axis in range(3):
        origin, direction = ray_origins[..., axis], ray_directions[..., axis]
        moving = direction != 0
        step = torch.where(moving, direction, 1)
        enter, leave = (-side / 2 * step.sign() - origin) / step, (side / 2 * step.sign() - origin) / step
        inside = origin.abs() < side / 2
        near = torch.where(moving, torch.maximum(near, enter), near)
        far = torch.where(moving, torch.minimum(far, leave), torch.where(inside, far, 0))
    hit = far > near
    return torch.where(hit, near, 0), torch.where(hit, far, 0)
