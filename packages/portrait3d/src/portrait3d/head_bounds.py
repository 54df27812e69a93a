"""Which rays meet the head: an ellipsoid in the world, a window in the picture."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Window:
    """A rectangle of the ray grid: `rows` x `columns` rays from (`top`, `left`)."""

    top: int
    left: int
    rows: int
    columns: int

    def pixels(self, scale: int = 4) -> tuple[slice, slice]:
        """The same rectangle of the picture, `scale` pixels per ray, as (row slice, column slice)."""
        return (
            slice(scale * self.top, scale * (self.top + self.rows)),
            slice(scale * self.left, scale * (self.left + self.columns)),
        )

    def take_rays(self, grid: Tensor) -> Tensor:
        """Cut the window out of something on the ray grid, (..., G, G)."""
        return grid[..., self.top : self.top + self.rows, self.left : self.left + self.columns]

    def take_pixels(self, picture: Tensor, scale: int = 4) -> Tensor:
        """Cut the window out of a picture, (..., scale * G, scale * G)."""
        rows, columns = self.pixels(scale)
        return picture[..., rows, columns]


def intersect_ellipsoid(
    ray_origins: Tensor, ray_directions: Tensor, centre: Tensor, radii: Tensor
) -> tuple[Tensor, Tensor]:
    """Where rays enter and leave an ellipsoid.

    Solves |(o + t d - c) / r|^2 = 1.

    Args:
        ray_origins, ray_directions: (..., N, 3).
        centre: (3,) world units.
        radii: (3,) half axes.

    Returns:
        near, far (..., N); far = near = 0 for rays that miss.
    """
    origin = (ray_origins - centre) / radii
    direction = ray_directions / radii
    a = direction.square().sum(-1)
    b = (origin * direction).sum(-1)
    c = origin.square().sum(-1) - 1
    discriminant = b.square() - a * c
    hit = discriminant > 0
    root = discriminant.clamp_min(0).sqrt()
    near = ((-b - root) / a).clamp_min(0)
    far = (-b + root) / a
    hit = hit & (far > near)
    zero = torch.zeros_like(near)
    return torch.where(hit, near, zero), torch.where(hit, far, zero)


def hit_window(near: Tensor, far: Tensor, multiple: int = 4) -> Window:
    """The smallest window that holds every ray that hits.

    Args:
        near, far: (G, G) of one frame.
        multiple: Rows and columns are rounded up to it (few distinct sizes make convolutions quicker).

    Raises:
        ValueError: If no ray hits: the head is out of the picture.
    """
    hit = far > near
    if not bool(hit.any()):
        raise ValueError("no ray meets the head: it is out of the picture")
    size = hit.shape[-1]
    rows = torch.nonzero(hit.any(1)).flatten()
    columns = torch.nonzero(hit.any(0)).flatten()

    def span(lines: Tensor) -> tuple[int, int]:
        first, last = int(lines[0]), int(lines[-1])
        count = min(-(-(last - first + 1) // multiple) * multiple, size)
        return min(first, size - count), count

    top, height = span(rows)
    left, width = span(columns)
    return Window(top, left, height, width)
