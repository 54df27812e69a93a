"""PNCC of the face where a camera sees it, as deferred neural rendering draws its coordinates.

The face at zero pose (`render_pncc`) tells a network which expression is wanted; this picture tells it which
point of the face lies at which pixel (Thies et al. 2019, "Deferred Neural Rendering", section 3).
"""

import torch
from torch import Tensor

from face3dmm.camera import Camera, model_to_world
from face3dmm.inner_parts import inner_faces, inner_parts
from face3dmm.model import FaceModel
from face3dmm.pncc import person_vertices
from face3dmm.raster import draw_attributes

# Samples per pixel along a line, taken in pairs: lips are a few pixels apart, an edge must not jump by one.
FINER = 2


@torch.no_grad()
def render_posed_pncc(
    model: FaceModel,
    identity: Tensor,
    expression: Tensor,
    camera: Camera,
    size: int = 256,
    *,
    gaze: Tensor | None = None,
    dtype: torch.dtype = torch.float32,
) -> Tensor:
    """Draw the face mesh as cameras see it, each point in the colour of its place in the mean shape, and what
    its openings let be seen: a plane that moves with the skull, as the upper teeth do, and eyeballs that turn
    with the gaze. How it looks there depends on which part of teeth or eye it is.

    Args:
        model: Face model.
        identity: (80,).
        expression: (B, 64).
        camera: Of B frames.
        size: Width and height of the whole picture in pixels.
        gaze: (B, 2) as in `FaceCoeffs`; None looks straight ahead.
        dtype: torch.float32, or torch.uint8 for storage: value / 127.5 - 1 gives the float back within 1/255.

    Returns:
        (B, 3, size, size) on the CPU, in [-1, 1] (uint8: 0..255), each pixel the mean of four samples;
        background is -1 (0). Teeth and eyes have places of their own in red and green (see `inner_parts`)
        and -1 in blue, which no part of a face before them has. Not differentiable. A frame's picture does
        not depend on the batch it is in.

    Raises:
        ValueError: If a shape or a value is not as said here.
    """
    count = len(expression)
    if expression.ndim != 2 or expression.shape[-1] != model.expression_basis.shape[-1]:
        raise ValueError(f"expression must have shape (B, 64), got {tuple(expression.shape)}")
    if camera.camera_to_world.shape != (count, 4, 4):
        got = tuple(camera.camera_to_world.shape[:-2])
        raise ValueError(f"{count} expressions need {count} cameras, got {got}")
    gaze = expression.new_zeros(count, 2) if gaze is None else gaze
    if gaze.shape != (count, 2):
        raise ValueError(f"gaze must have shape ({count}, 2), got {tuple(gaze.shape)}")
    if dtype not in (torch.float32, torch.uint8):
        raise ValueError(f"dtype must be torch.float32 or torch.uint8, got {dtype}")
    high = 255.0 if dtype == torch.uint8 else 2.0
    inner, places = inner_faces()
    faces = torch.cat([model.faces[model.face_region], inner + len(model.mean)])
    colours = torch.cat([model.ncc, places]) * high
    points = person_vertices(model, identity.expand(count, -1), expression)
    placed = model_to_world(torch.cat([points, inner_parts(model, identity, gaze)], 1))
    screen = _project(camera.camera_to_world, camera.intrinsics, placed, FINER * size)
    pictures = expression.new_full((count, 3, size, size), 0 if dtype == torch.uint8 else -1, dtype=dtype)
    for picture, corners in zip(pictures, screen, strict=True):
        left, top, right, bottom = _box(corners, size)
        if left < right and top < bottom:
            drawn = _smooth_drawing(corners, faces, colours, (left, top, right, bottom))
            picture[:, top:bottom, left:right] = drawn.round_() if dtype == torch.uint8 else drawn - 1
    return pictures


def _box(corners: Tensor, size: int) -> tuple[int, int, int, int]:
    """Left, top, right and bottom pixel of what is drawn; the whole picture where a corner is no number."""
    low = (corners[:, :2].amin(0) / FINER).floor().nan_to_num(0).clamp(0, size)
    high = (corners[:, :2].amax(0) / FINER).ceil().nan_to_num(size).clamp(0, size)
    left, top, right, bottom = (int(value) for value in (*low, *high))
    return left, top, right, bottom


def _smooth_drawing(
    corners: Tensor, faces: Tensor, colours: Tensor, box: tuple[int, int, int, int]
) -> Tensor:
    """(3, height, width) of a box alone: most of a picture is empty, and filling it takes longer.

    Pairs are added by hand, which is quicker than `avg_pool2d`.
    """
    left, top, right, bottom = box
    within = corners - corners.new_tensor([FINER * left, FINER * top, 0])
    size = FINER * (bottom - top), FINER * (right - left)
    drawn = draw_attributes(within[None], faces, colours, size, 0.0)[0]
    rows = drawn[:, ::FINER] + drawn[:, 1::FINER]
    return (rows[..., ::FINER] + rows[..., 1::FINER]) / FINER**2


def _project(camera_to_world: Tensor, intrinsics: Tensor, points: Tensor, size: int) -> Tensor:
    """(B, V, 3) pixels and depth, as `Camera.project` has them; number by number, which rounds alike whatever
    the batch."""
    away = (points - camera_to_world[:, None, :3, 3]).unsqueeze(-1) * camera_to_world[:, None, :3, :3]
    x, y, depth = (away[..., 0, :] + away[..., 1, :] + away[..., 2, :]).unbind(-1)
    fx, fy, cx, cy = (intrinsics[:, None, row, column] for row, column in ((0, 0), (1, 1), (0, 2), (1, 2)))
    return torch.stack([(fx * x / depth + cx) * size, (fy * y / depth + cy) * size, depth], -1)
