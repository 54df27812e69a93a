"""From face coefficients to what the portrait model takes: PNCC, cameras and torso key-points."""

from collections.abc import Iterable, Iterator
from itertools import repeat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

TORSO_LANDMARKS = (0, 8, 16, 27)  # of the 68: both jaw ends, chin and nose bridge, as published
FARTHEST = 2.0  # key-points beyond this, in [-1, 1] of the picture, tell nothing more
CHUNK = 16


def torso_keypoints(identity: "Tensor", euler: "Tensor", translation: "Tensor") -> "Tensor":
    """Head points that drive the torso, with the face at rest: the jaw must not pull the shoulders.

    Args:
        identity: (80,).
        euler: (T, 3) radians.
        translation: (T, 3) decimetres.

    Returns:
        (T, 4, 2) in [-1, 1], x then y.
    """
    import torch

    from face3dmm import FaceModel

    model = FaceModel.open_face()
    vertices = model.vertices(identity, torch.zeros(64))[model.landmarks_68[list(TORSO_LANDMARKS)]]
    return _seen(vertices, euler, translation)


def published_torso_keypoints(
    identity: "Tensor", expression: "Tensor", euler: "Tensor", translation: "Tensor", count: int
) -> "Tensor":
    """Head points that drive the torso of `full`: they move with the jaw, as in the published training.

    Args:
        identity: (80,).
        expression: (T, 64).
        euler: (T, 3) radians.
        translation: (T, 3) decimetres.
        count: 4 or 9, see `portrait3d.full.torso_motion.torso_keypoints`.

    Returns:
        (T, count, 2) in [-1, 1], x then y.
    """
    from face3dmm import FaceModel
    from portrait3d.full.torso_motion import torso_keypoints

    model = FaceModel.open_face()
    vertices = model.vertices(identity, expression)[:, model.landmarks_68]
    return torso_keypoints(_seen(vertices, euler, translation), count)


def _seen(vertices: "Tensor", euler: "Tensor", translation: "Tensor") -> "Tensor":
    """(T, K, 2) in [-1, 1] of the picture: where the camera sees vertices (K, 3) or (T, K, 3)."""
    from face3dmm import Camera

    camera = Camera.from_head_pose(euler, translation)
    uv, _ = camera.project(camera.model_to_world(vertices))
    return (uv * 2 - 1).clamp(-FARTHEST, FARTHEST)


def drives(
    identity: "Tensor",
    expression: "Tensor",
    euler: "Tensor",
    translation: "Tensor",
    size: int,
    posed_size: int | None = None,
    *,
    gaze: "Tensor | None" = None,
) -> "Iterator[tuple[Tensor, Tensor, Tensor, Tensor, Tensor | None]]":
    """One (pncc, camera_to_world, intrinsics, keypoints, posed) per frame, in chunks: memory stays flat.

    Args:
        identity: (80,) of the person who is drawn.
        expression: (T, 64).
        euler: (T, 3) radians.
        translation: (T, 3) decimetres.
        size: Side of the PNCC pictures.
        posed_size: Side of the posed ones; None draws none.
        gaze: (T, 2) radians, which only posed pictures show; None looks straight ahead.
    """
    from face3dmm import Camera, FaceModel, render_pncc, render_posed_pncc

    model = FaceModel.open_face()
    camera = Camera.from_head_pose(euler, translation)
    keypoints = torso_keypoints(identity, euler, translation)
    for start in range(0, len(expression), CHUNK):
        part = slice(start, start + CHUNK)
        pncc = render_pncc(model, identity, expression[part], size=size)
        seen = Camera(camera.camera_to_world[part], camera.intrinsics[part])
        posed: Iterable[Tensor | None] = repeat(None)
        if posed_size is not None:
            looks = None if gaze is None else gaze[part]
            posed = render_posed_pncc(model, identity, expression[part], seen, posed_size, gaze=looks)
        parts = (pncc, seen.camera_to_world, seen.intrinsics, keypoints[part], posed)
        yield from zip(*parts, strict=False)
