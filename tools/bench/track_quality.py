"""What a fitted track is worth beside the detector's landmarks: error, jitter, and the course of the lips."""

from __future__ import annotations

import torch
from torch import Tensor

from face3dmm import Camera, FaceCoeffs, FaceModel
from face3dmm.landmarks import LEFT_LID_PAIRS, LIPS, MESH, RIGHT_LID_PAIRS, RIGID, face_width

LIDS = tuple(point for pairs in (RIGHT_LID_PAIRS, LEFT_LID_PAIRS) for pair in pairs for point in pair)
GROUPS = {"lips": LIPS, "lids": LIDS, "all": tuple(range(MESH))}
SMOOTH = 1.5  # frames: standard deviation of the low-pass that takes out trembling, not nods
WINDOW = 13  # frames: half a second
STILL = 0.005  # face widths: RMS movement of the low-passed head in a window in which it counts as still
LAGS = range(-5, 6)


def projected(model: FaceModel, coeffs: FaceCoeffs, size: int = 512) -> Tensor:
    """Landmarks (T, 468, 2) of fitted coefficients in pixels."""
    shape = model.vertices(coeffs.identity, coeffs.expression)[:, model.landmarks_468]
    camera = Camera.from_head_pose(coeffs.euler, coeffs.translation)
    return camera.project(camera.model_to_world(shape))[0] * size


def landmark_errors(fitted: Tensor, detected: Tensor) -> dict[str, float]:
    """Mean distance in pixels over frames and the points of each of `GROUPS`; both (T, >= 468, >= 2)."""
    distance = (fitted[:, :MESH, :2] - detected[:, :MESH, :2]).norm(dim=-1)
    return {name: float(distance[:, list(points)].mean()) for name, points in GROUPS.items()}


def still_frames(detected: Tensor) -> Tensor:
    """Frames (T,) bool in which the head keeps still, by the detector's landmarks (T, 478, 3).

    The rigid points (forehead, temples, nose, eye corners) are low-passed by a Gaussian of 0.06 s. The head is
    still in every window of half a second in which they move by less than 0.5 % of the face's width (about a
    pixel), RMS about their means. A slower low-pass would let nods pass, which are movement and no jitter.
    """
    from scipy.ndimage import gaussian_filter1d

    still = torch.zeros(len(detected), dtype=torch.bool)
    if len(detected) < WINDOW:
        return still
    slow = torch.from_numpy(gaussian_filter1d(detected[:, list(RIGID), :2].numpy(), SMOOTH, axis=0))
    windows = slow.unfold(0, WINDOW, 1)  # (T - WINDOW + 1, N, 2, WINDOW)
    moved = (windows - windows.mean(-1, keepdim=True)).square().sum(2).mean((1, 2)).sqrt()
    for start in torch.nonzero(moved < STILL * face_width(detected).median()).flatten().tolist():
        still[start : start + WINDOW] = True
    return still


def accelerations(points: Tensor, frames: Tensor) -> Tensor:
    """Squared accelerations (M, N), pixels^2 per frame^4, of (T, N, 2) over the frames that are marked (T,)
    together with both neighbours."""
    squared = (points[2:] - 2 * points[1:-1] + points[:-2]).square().sum(-1)
    return squared[frames[2:] & frames[1:-1] & frames[:-2]]


def rms(squares: Tensor) -> float:
    """Root of the mean."""
    return float(squares.mean().sqrt())


def correlation(a: Tensor, b: Tensor, lag: int = 0) -> float:
    """Pearson correlation of a(t) with b(t + lag), both (T,)."""
    a, b = (a[: len(a) - lag], b[lag:]) if lag >= 0 else (a[-lag:], b[:lag])
    return float(torch.corrcoef(torch.stack([a, b]))[0, 1])


def best_lag(detected: Tensor, fitted: Tensor) -> int:
    """By how many frames (T,) `fitted` comes late: the peak of the cross-correlation within 5 frames."""
    return max(LAGS, key=lambda lag: correlation(detected, fitted, lag))
