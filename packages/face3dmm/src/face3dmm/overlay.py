"""What tracking found, drawn over the frames it was found in: people want to look."""

from collections.abc import Iterable
from typing import Literal, get_args

import torch
from torch import Tensor

from face3dmm.camera import Camera, model_to_world
from face3dmm.model import FaceModel
from face3dmm.raster import draw_attributes, rasterize
from face3dmm.track import FaceCoeffs

Layer = Literal["pncc", "mesh", "landmarks"]
LINE = (64, 255, 160)  # RGB of the mesh, and of landmarks below
DOT = (255, 64, 64)
PNCC_OPACITY = 0.6
LINE_WIDTH = 0.8  # pixels


def draw_overlay(
    frames: Tensor,
    coeffs: FaceCoeffs,
    *,
    landmarks: Tensor | None = None,
    layers: Iterable[Layer] = ("mesh", "landmarks"),
    model: FaceModel | None = None,
    first: int = 0,
) -> Tensor:
    """Draw the fitted face model and detected landmarks over frames.

    Args:
        frames: (B, S, S, 3) uint8, the square frames that were tracked; see `read_crops`.
        coeffs: Of the clip.
        landmarks: (B, L, 2 or 3) detected landmarks of these frames in pixels; needed for "landmarks".
        layers: Any of "pncc" (the face in the colours of its own coordinates), "mesh" (its edges, hidden ones
            left out) and "landmarks"; drawn in this order.
        model: What the coefficients belong to; None for the open face model.
        first: Number of the first of `frames` in the clip.

    Returns:
        (B, S, S, 3) uint8. A frame that is not to be trusted (confidence 0) gets landmarks only.

    Raises:
        ValueError: If shapes do not fit or a layer is not known.
    """
    wanted = set(layers)
    if not wanted <= set(get_args(Layer)):
        raise ValueError(f"layers must be among {', '.join(get_args(Layer))}, got {sorted(wanted)}")
    count, size = len(frames), frames.shape[1]
    if frames.ndim != 4 or frames.shape[2:] != (size, 3) or frames.dtype != torch.uint8:
        raise ValueError(f"frames must be uint8 (B, S, S, 3), got {frames.dtype} {tuple(frames.shape)}")
    if not 0 <= first <= first + count <= len(coeffs):
        raise ValueError(f"frames {first} to {first + count} are not in a clip of {len(coeffs)}")
    model = model or FaceModel.open_face()
    part = slice(first, first + count)
    picture = frames.permute(0, 3, 1, 2).float()
    seen = (coeffs.confidence[part] > 0)[:, None, None, None]
    camera = Camera.from_head_pose(coeffs.euler[part], coeffs.translation[part])
    uv, depth = camera.project(model_to_world(model.vertices(coeffs.identity, coeffs.expression[part])))
    screen = torch.cat([uv * size, depth.unsqueeze(-1)], -1)
    faces = model.faces[model.face_region]
    if "pncc" in wanted:
        colours = draw_attributes(screen, faces, model.ncc * 255, size, background=-1.0)
        share = PNCC_OPACITY * (colours[:, :1] >= 0) * seen
        picture = picture + share * (colours - picture)
    if "mesh" in wanted:
        share = edge_shares(screen, faces, size).unsqueeze(1) * seen
        picture = picture + share * (picture.new_tensor(LINE).reshape(1, 3, 1, 1) - picture)
    if "landmarks" in wanted:
        if landmarks is None or len(landmarks) != count:
            raise ValueError(f'layer "landmarks" needs landmarks of all {count} frames')
        _draw_dots(picture, landmarks[..., :2])
    return picture.round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).contiguous()


def edge_shares(screen: Tensor, faces: Tensor, size: int) -> Tensor:
    """How much of each pixel the edges of the visible triangles cover.

    Args:
        screen: (B, V, 3) vertices in pixels and depth.
        faces: (F, 3).
        size: Width and height in pixels.

    Returns:
        (B, size, size) in [0, 1]; 0 where there is no triangle.
    """
    drawn = rasterize(screen, faces, size)
    index = drawn.index.clamp_min(0).long()
    a, b, c = (screen[:, faces[:, corner], :2] for corner in range(3))
    first, second = b - a, c - a
    area = (first[..., 0] * second[..., 1] - first[..., 1] * second[..., 0]).abs()
    sides = torch.stack([(c - b).norm(dim=-1), second.norm(dim=-1), first.norm(dim=-1)], -1)
    heights = area.unsqueeze(-1) / sides.clamp_min(1e-6)  # (B, F, 3) of each corner above its side
    rows = torch.arange(len(screen)).reshape(-1, 1, 1).to(index.device)
    distance = (drawn.barycentric * heights[rows, index]).amin(-1)  # to the nearest side, in pixels
    return (LINE_WIDTH / 2 + 0.5 - distance).clamp(0, 1) * (drawn.index >= 0)


def _draw_dots(picture: Tensor, points: Tensor) -> None:
    """Colour the 2 x 2 pixels about each point of (B, L, 2), in place; points outside are left out."""
    size = picture.shape[-1]
    known = points.isfinite().all(-1)
    corner = torch.where(known[..., None], points, -2.0).sub(0.5).floor().long()
    frame = torch.arange(len(points)).reshape(-1, 1).expand(known.shape)
    for across in (0, 1):
        for down in (0, 1):
            x, y = corner[..., 0] + across, corner[..., 1] + down
            inside = (x >= 0) & (x < size) & (y >= 0) & (y < size)
            picture[frame[inside], :, y[inside], x[inside]] = picture.new_tensor(DOT)
