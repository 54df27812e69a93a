"""How near drawn test heads come to the truth: pictures, expressions, poses, one shape from all sides."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from bench.portrait_heads import TestHead
from face3dmm import Camera, FaceModel, fit_landmarks, rotation_from_euler
from face3dmm.detector import LANDMARKS, LandmarkTracker
from face3dmm.landmarks import MESH, face_width, mouth_opening
from measure_line.picture_measures import psnr, sharpness

MARGIN = 1.1  # side of the face's box over that of the landmarks


@dataclass(frozen=True)
class Seen:
    """What the tracker sees in frames, each looked at on its own; NaN where no face was found.

    Attributes:
        landmarks: (T, 478, 3) pixels.
        expression: (T, 64).
        euler: (T, 3).
    """

    landmarks: Tensor
    expression: Tensor
    euler: Tensor

    @property
    def found(self) -> Tensor:
        """(T,) bool."""
        return self.expression.isfinite().all(1)


def track(*clips: np.ndarray) -> list[Seen]:
    """Track frames (T, S, S, 3) of one person: an identity from all of them, then every frame alone.

    The identity is what the tracker makes of these very frames: with another one, what differs between the
    faces would be taken for expression.
    """
    model, size = FaceModel.open_face(), clips[0].shape[1]
    with LandmarkTracker(still=True) as tracker:
        landmarks = [_detected(tracker, frames) for frames in clips]
    together = torch.cat(landmarks)
    if not together.isfinite().any():
        return [_nothing(marks) for marks in landmarks]
    identity = fit_landmarks(model, together, size).identity
    return [_fitted(model, marks, size, identity) for marks in landmarks]


def _detected(tracker: LandmarkTracker, frames: np.ndarray) -> Tensor:
    nothing = np.full((LANDMARKS, 3), np.nan, np.float32)
    return torch.from_numpy(np.stack([(tracker(frame) or [nothing])[0] for frame in frames]))


def _nothing(landmarks: Tensor) -> Seen:
    return Seen(landmarks, landmarks.new_full((len(landmarks), 64), float("nan")), landmarks[:, 0])


def _fitted(model: FaceModel, landmarks: Tensor, size: int, identity: Tensor) -> Seen:
    seen = _nothing(landmarks)
    euler = landmarks.new_full((len(landmarks), 3), float("nan"))
    for index in torch.nonzero(landmarks.isfinite().flatten(1).all(1)).flatten().tolist():
        fit = fit_landmarks(model, landmarks[index][None], size, identity)
        seen.expression[index], euler[index] = fit.expression[0], fit.euler[0]
    return Seen(landmarks, seen.expression, euler)


def head_psnr(true: Tensor, drawn: np.ndarray, mask: Tensor) -> np.ndarray:
    """PSNR per frame (T,) in dB over the pixels where the true head is, soft ones by their share.

    Args:
        true: (T, S, S, 3) uint8.
        drawn: The same.
        mask: (T, S, S) uint8 of the true head.
    """
    error = np.square(true.numpy().astype(np.float64) - drawn).mean(-1)
    share = mask.numpy() / 255.0
    mean = (error * share).sum((1, 2)) / share.sum((1, 2))
    return 10 * np.log10(255**2 / np.maximum(mean, 1 / 12))


def frame_psnr(true: Tensor, drawn: np.ndarray) -> np.ndarray:
    """PSNR of whole frames (T,) in dB."""
    return psnr(true.numpy(), drawn)


def face_sharpness(head: TestHead, drawn: np.ndarray, index: list[int]) -> np.ndarray:
    """Detail of the drawn faces over that of the true ones, (len(index),); `drawn` are these frames."""
    boxes = []
    for points in head.landmarks[index].numpy():
        low, high = points.min(0), points.max(0)
        middle, half = (low + high) / 2, MARGIN * (high - low).max() / 2
        x0, y0, x1, y1 = np.concatenate([middle - half, middle + half]).round().clip(0, 512).astype(int)
        boxes.append((int(x0), int(y0), int(x1), int(y1)))
    return sharpness(head.frames[index].numpy(), drawn, boxes)


def expression_distance(a: Tensor, b: Tensor) -> Tensor:
    """AED: how far two expressions (T, 64) are apart, (T,) in percent of the face's width.

    The root mean square distance of the mean face's vertices. Up to a factor this is the Euclidean distance of
    the coefficients where the basis is orthonormal, as published ones are; named shapes overlap, and their
    coefficients differ where the faces hardly do.
    """
    model = FaceModel.open_face()
    face = slice(0, MESH)
    apart = torch.einsum("te,vce->tvc", a - b, model.expression_basis[model.landmarks_468][face])
    return 100 * apart.square().sum(-1).mean(-1).sqrt() / face_width(model.mean[model.landmarks_468])


def turn_between(a: Tensor, b: Tensor) -> Tensor:
    """APD: angle in degrees between poses (T, 3), (T,)."""
    rotation = rotation_from_euler(a) @ rotation_from_euler(b).transpose(-1, -2)
    trace = rotation.diagonal(dim1=-2, dim2=-1).sum(-1)
    return torch.rad2deg(torch.arccos(((trace - 1) / 2).clamp(-1, 1)))


def opening_error(a: Tensor, b: Tensor) -> Tensor:
    """Absolute difference of mouth openings of landmarks (T, 478, 3), in distances between the eyes."""
    return (mouth_opening(a[..., :2]) - mouth_opening(b[..., :2])).abs()


def reprojection(landmarks: Tensor, head: TestHead, index: list[int]) -> float:
    """How well one rigid shape explains the landmarks of a face that is seen from several sides.

    Each landmark is placed in space by least squares over all views (Hartley and Zisserman 2004, section
    12.2) with the cameras that the frames were drawn with, and projected back.

    Args:
        landmarks: (V, 478, 3) pixels of these views.
        head: Whose poses.
        index: Of the views in it.

    Returns:
        Root mean square distance in pixels of 512; NaN where a face was not found.
    """
    if not landmarks.isfinite().all():
        return float("nan")
    camera = Camera.from_head_pose(head.euler[index], head.translation[index])
    rigid = torch.linalg.inv(camera.camera_to_world)[:, :3]
    projection = (camera.intrinsics @ rigid).double()  # (V, 3, 4)
    uv = landmarks[:, :MESH, :2].double() / head.frames.shape[1]
    rows = uv[..., None] * projection[:, None, 2:] - projection[:, None, :2]  # (V, L, 2, 4)
    system = rows.permute(1, 0, 2, 3).flatten(1, 2)
    points = torch.linalg.lstsq(system[..., :3], -system[..., 3:]).solution[..., 0]
    back, _ = Camera(camera.camera_to_world.double(), camera.intrinsics.double()).project(points)
    return float((back - uv).square().sum(-1).mean().sqrt() * head.frames.shape[1])
