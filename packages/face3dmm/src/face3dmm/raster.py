"""Triangles to pixels: a z-buffer over a batch of frames, by the compiled kernel."""

from dataclasses import dataclass

import torch
from torch import Tensor

from face3dmm._backend import compiled
from face3dmm.raster_reference import rasterize_reference

Size = int | tuple[int, int]


@dataclass(frozen=True)
class RasterOutput:
    """What lies nearest at each pixel centre.

    Attributes:
        index: (B, H, W) int32 triangle, -1 where there is none.
        depth: (B, H, W) float32 in the unit of the vertices' depth, infinity where there is none.
        barycentric: (B, H, W, 3) float32, perspective-correct shares of the corners, 0 where there is none.
    """

    index: Tensor
    depth: Tensor
    barycentric: Tensor


def rasterize(vertices: Tensor, faces: Tensor, size: Size) -> RasterOutput:
    """Nearest triangle at each pixel centre.

    Args:
        vertices: (B, V, 3) float, x right and y down in pixels (the centre of the first pixel is 0.5, 0.5),
            depth > 0 growing away from the viewer. A triangle with a corner that is not finite or has depth
            <= 0 is left out.
        faces: (F, 3) vertex numbers. Both sides are drawn; of two triangles at one depth the lower index
            wins.
        size: Pixels, one number for a square or (height, width).

    Returns:
        RasterOutput on the CPU. Not differentiable. Reference: `rasterize_reference`.

    Raises:
        ValueError: If a shape is wrong or a face names a vertex that does not exist.
    """
    vertices, faces, (height, width) = _checked(vertices, faces, size)
    frames = len(vertices)
    index = torch.empty((frames, height, width), dtype=torch.int32)
    depth = torch.empty((frames, height, width))
    barycentric = torch.empty((frames, height, width, 3))
    kernels = compiled()
    if kernels is None:
        arrays = rasterize_reference(vertices.numpy(), faces.numpy(), (height, width))
        return RasterOutput(*(torch.from_numpy(array) for array in arrays))
    outputs = (index.data_ptr(), depth.data_ptr(), barycentric.data_ptr(), 0)
    sizes = (frames, vertices.shape[1], len(faces), 0, height, width)
    kernels.rasterize(vertices.data_ptr(), faces.data_ptr(), 0, *outputs, 0.0, *sizes)
    return RasterOutput(index, depth, barycentric)


def draw_attributes(
    vertices: Tensor, faces: Tensor, attributes: Tensor, size: Size, background: float = 0.0
) -> Tensor:
    """Picture of values given at the vertices, in one pass.

    Args:
        vertices: (B, V, 3) as in `rasterize`.
        faces: (F, 3).
        attributes: (V, C) float.
        size: Pixels, one number or (height, width).
        background: Value where no triangle is drawn.

    Returns:
        (B, C, H, W) float32 on the CPU. Not differentiable.

    Raises:
        ValueError: As `rasterize`, or if attributes do not belong to the vertices.
    """
    vertices, faces, (height, width) = _checked(vertices, faces, size)
    attributes = attributes.detach().to("cpu", torch.float32).contiguous()
    if attributes.ndim != 2 or len(attributes) != vertices.shape[1]:
        raise ValueError(
            f"attributes must have shape ({vertices.shape[1]}, C), got {tuple(attributes.shape)}"
        )
    kernels = compiled()
    if kernels is None:
        drawn = rasterize(vertices, faces, (height, width))
        corners = attributes[faces[drawn.index.clamp(min=0).long()]]  # (B, H, W, 3, C)
        picture = (drawn.barycentric.unsqueeze(-1) * corners).sum(-2)
        return torch.where(drawn.index.unsqueeze(-1) >= 0, picture, background).movedim(-1, 1).contiguous()
    frames, channels = len(vertices), attributes.shape[1]
    picture = torch.empty((frames, channels, height, width))
    outputs = (0, 0, 0, picture.data_ptr())
    sizes = (frames, vertices.shape[1], len(faces), channels, height, width)
    kernels.rasterize(
        vertices.data_ptr(), faces.data_ptr(), attributes.data_ptr(), *outputs, background, *sizes
    )
    return picture


def _checked(vertices: Tensor, faces: Tensor, size: Size) -> tuple[Tensor, Tensor, tuple[int, int]]:
    """What the kernel needs: contiguous CPU arrays whose indices are known to be in range."""
    if vertices.ndim != 3 or vertices.shape[-1] != 3:
        raise ValueError(f"vertices must have shape (B, V, 3), got {tuple(vertices.shape)}")
    if faces.ndim != 2 or faces.shape[-1] != 3:
        raise ValueError(f"faces must have shape (F, 3), got {tuple(faces.shape)}")
    height, width = (size, size) if isinstance(size, int) else size
    if not (0 < height <= 16384 and 0 < width <= 16384):
        raise ValueError(f"size must be 1..16384 pixels, got {size}")
    vertices = vertices.detach().to("cpu", torch.float32).contiguous()
    faces = faces.to("cpu", torch.int64).contiguous()
    if len(faces) and not 0 <= int(faces.min()) <= int(faces.max()) < vertices.shape[1]:
        raise ValueError(
            f"faces must lie in [0, {vertices.shape[1]}), got {int(faces.min())}..{int(faces.max())}"
        )
    return vertices, faces, (height, width)
