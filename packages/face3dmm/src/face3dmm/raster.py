"""Triangles to pixels: a z-buffer over a batch of frames, by the compiled kernel."""

from dataclasses import dataclass

import torch
from torch import Tensor

from face3dmm._backend import compiled, cuda_compiled
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
        RasterOutput, on the GPU if the vertices are and face3dmm was compiled with CUDA, else on the CPU.
        Not differentiable. Reference: `rasterize_reference`.

    Raises:
        ValueError: If a shape is wrong or a face names a vertex that does not exist.
    """
    vertices, faces, (height, width) = _checked(vertices, faces, size)
    frames = len(vertices)
    index = vertices.new_empty((frames, height, width), dtype=torch.int32)
    depth = vertices.new_empty((frames, height, width))
    barycentric = vertices.new_empty((frames, height, width, 3))
    if not vertices.is_cuda and compiled() is None:
        arrays = rasterize_reference(vertices.numpy(), faces.numpy(), (height, width))
        return RasterOutput(*(torch.from_numpy(array) for array in arrays))
    outputs = (index.data_ptr(), depth.data_ptr(), barycentric.data_ptr(), 0)
    _call(vertices, faces, 0, outputs, 0.0, (frames, vertices.shape[1], len(faces), 0, height, width))
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
        (B, C, H, W) float32, where `rasterize` puts it. Not differentiable.

    Raises:
        ValueError: As `rasterize`, or if attributes do not belong to the vertices.
    """
    vertices, faces, (height, width) = _checked(vertices, faces, size)
    attributes = attributes.detach().to(vertices.device, torch.float32).contiguous()
    if attributes.ndim != 2 or len(attributes) != vertices.shape[1]:
        raise ValueError(
            f"attributes must have shape ({vertices.shape[1]}, C), got {tuple(attributes.shape)}"
        )
    if not vertices.is_cuda and compiled() is None:
        drawn = rasterize(vertices, faces, (height, width))
        corners = attributes[faces[drawn.index.clamp(min=0).long()]]  # (B, H, W, 3, C)
        picture = (drawn.barycentric.unsqueeze(-1) * corners).sum(-2)
        return torch.where(drawn.index.unsqueeze(-1) >= 0, picture, background).movedim(-1, 1).contiguous()
    frames, channels = len(vertices), attributes.shape[1]
    picture = vertices.new_empty((frames, channels, height, width))
    outputs = (0, 0, 0, picture.data_ptr())
    sizes = (frames, vertices.shape[1], len(faces), channels, height, width)
    _call(vertices, faces, attributes.data_ptr(), outputs, background, sizes)
    return picture


def _call(
    vertices: Tensor,
    faces: Tensor,
    attributes: int,
    outputs: tuple[int, int, int, int],
    background: float,
    sizes: tuple[int, int, int, int, int, int],
) -> None:
    """Call the kernel of the vertices' device; addresses of attributes and outputs, 0 for none."""
    arguments = (vertices.data_ptr(), faces.data_ptr(), attributes, *outputs, background, *sizes)
    if not vertices.is_cuda:
        compiled().rasterize(*arguments)  # type: ignore[union-attr]  # the caller has looked
        return
    keys = torch.empty(sizes[0] * sizes[4] * sizes[5], dtype=torch.int64, device=vertices.device)
    with torch.cuda.device(vertices.device):
        stream = torch.cuda.current_stream().cuda_stream
        cuda_compiled().rasterize(*arguments, keys.data_ptr(), stream)  # type: ignore[union-attr]


def _checked(vertices: Tensor, faces: Tensor, size: Size) -> tuple[Tensor, Tensor, tuple[int, int]]:
    """What the kernel needs: contiguous arrays on one device, whose indices are known to be in range."""
    if vertices.ndim != 3 or vertices.shape[-1] != 3:
        raise ValueError(f"vertices must have shape (B, V, 3), got {tuple(vertices.shape)}")
    if faces.ndim != 2 or faces.shape[-1] != 3:
        raise ValueError(f"faces must have shape (F, 3), got {tuple(faces.shape)}")
    height, width = (size, size) if isinstance(size, int) else size
    if not (0 < height <= 16384 and 0 < width <= 16384):
        raise ValueError(f"size must be 1..16384 pixels, got {size}")
    device = vertices.device if vertices.is_cuda and cuda_compiled() else torch.device("cpu")
    vertices = vertices.detach().to(device, torch.float32).contiguous()
    faces = faces.to(device, torch.int64).contiguous()
    if len(faces) and not 0 <= int(faces.min()) <= int(faces.max()) < vertices.shape[1]:
        raise ValueError(
            f"faces must lie in [0, {vertices.shape[1]}), got {int(faces.min())}..{int(faces.max())}"
        )
    return vertices, faces, (height, width)
