"""A tracked clip as motion: to drive an avatar, to lend it a pose, or to prompt its talking style."""

from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from face3dmm import FaceCoeffs, FaceModel, FaceTrack
    from mimictalk.console import Progress
    from talk_motion import MotionSequence

FPS = 25.0
# Own identity fitted to a driver against the avatar's: below this ratio of residuals it is the same person.
SAME_PERSON_RATIO = 1.15


def motion_from_coeffs(coeffs: "FaceCoeffs", fps: float = 25.0) -> "MotionSequence":
    """What was tracked, frame by frame, as a motion."""
    from talk_motion import MotionSequence

    if fps != FPS:
        raise ValueError(f"motion has {FPS} frames per second, the track has {fps}")
    return MotionSequence.from_tracking(coeffs.expression, coeffs.euler, coeffs.translation, coeffs.gaze)


def fit_to_avatar(track: "FaceTrack", identity: Tensor) -> tuple["FaceCoeffs", float]:
    """Coefficients of a driving clip, with the avatar's identity if the driver looks like the same person.

    The same face fits the avatar's identity nearly as well as its own; then expressions need no translation
    from face to face. A stranger keeps their own identity, or the difference would end up in the expressions.

    Args:
        track: Of the driving clip.
        identity: (80,) of the avatar.

    Returns:
        The coefficients, and the residual with the avatar's identity over the residual with the driver's own.
    """
    from face3dmm import FaceModel, fit_landmarks

    model = FaceModel.open_face()
    seen = track.coeffs.confidence
    with_avatar = fit_landmarks(model, track.landmarks, identity=identity, confidence=seen)
    ratio = residual(model, with_avatar, track.landmarks) / max(
        residual(model, track.coeffs, track.landmarks), 1e-6
    )
    return (with_avatar if ratio <= SAME_PERSON_RATIO else track.coeffs), ratio


def residual(model: "FaceModel", coeffs: "FaceCoeffs", landmarks: Tensor, size: int = 512) -> float:
    """Median distance between tracked and modelled landmarks where the face was seen, in pixels.

    Args:
        model: The face model.
        coeffs: T frames.
        landmarks: (T, >= 468, 3) in pixels of the working picture.
        size: Width of the working picture.
    """
    from face3dmm import Camera

    seen = coeffs.confidence >= 1
    seen = seen if bool(seen.any()) else torch.ones_like(seen)
    vertices = model.vertices(coeffs.identity, coeffs.expression[seen])[:, model.landmarks_468]
    camera = Camera.from_head_pose(coeffs.euler[seen], coeffs.translation[seen])
    uv, _ = camera.project(camera.model_to_world(vertices))
    distance = (uv * size - landmarks[seen][:, : uv.shape[1], :2]).norm(dim=-1)
    return float(distance.median())


def place_pose(
    euler: Tensor,
    translation: Tensor,
    source_euler: Tensor,
    source_translation: Tensor,
    usual: tuple[Tensor, Tensor] | None = None,
) -> tuple[Tensor, Tensor]:
    """Move a head motion so that its usual pose lands on the avatar's source pose.

    R'_t = R_t R_usual^T R_source and x'_t = x_t - x_usual + x_source.

    Args:
        euler: (T, 3) in radians.
        translation: (T, 3) in decimetres.
        source_euler: (3,).
        source_translation: (3,).
        usual: Euler angles (3,) and translation (3,); None for the motion's own medians.

    Returns:
        euler (T, 3) and translation (T, 3).
    """
    from face3dmm.camera import euler_from_rotation, rotation_from_euler

    angles, place = usual_pose(euler, translation) if usual is None else usual
    turn = rotation_from_euler(angles).T @ rotation_from_euler(source_euler)
    placed = euler_from_rotation(rotation_from_euler(euler) @ turn)
    return placed, translation - place + source_translation


def usual_pose(euler: Tensor, translation: Tensor) -> tuple[Tensor, Tensor]:
    """Medians (3,) and (3,) of a head motion (T, 3) and (T, 3)."""
    return euler.median(dim=0).values, translation.median(dim=0).values


def repeat_there_and_back(values: Tensor, frames: int, first: int = 0) -> Tensor:
    """(T, ...) to (frames, ...): forwards, backwards, forwards, so that no jump appears where it repeats.

    Args:
        values: What is repeated.
        frames: How many are wanted.
        first: How many came before them.
    """
    count = len(values)
    if count == 1:
        return values.expand(frames, *values.shape[1:])
    step = torch.arange(first, first + frames) % (2 * count - 2)
    return values[torch.where(step < count, step, 2 * count - 2 - step)]


def track_for(
    path: Path, progress: "Progress | None" = None, max_seconds: float | None = None
) -> "FaceTrack":
    """Track a clip that a child process has decoded without harm; a picture in its place is told as one."""
    from face3dmm import track_video
    from mimictalk.checking import refuse_picture
    from mimictalk.examination import examine

    refuse_picture(path)
    examine(path)
    return track_video(path, max_seconds=max_seconds, progress=progress)
