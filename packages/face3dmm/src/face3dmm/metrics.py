"""How alike two talking faces move: distances of face model coefficients and of landmarks, and mouth curves.

AED and APD are the average expression and pose distance of PIRenderer (Ren et al. 2021), AKD the average
key-point distance of Siarohin et al. (2019), LMD the landmark distance of Chen et al. (2018), all as means
over frames. Coefficients belong to one face model: their distances compare with those of that model only.
NaN marks a frame without a face.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from face3dmm.landmarks import FACE_OVAL, LIPS, MESH

Values = NDArray[np.float64]
Box = tuple[int, int, int, int]

OUTER_LIPS = LIPS[:20]
MOUTH_SCALE, FACE_SCALE = 1.6, 1.1
MOUTH_68 = slice(48, 68)  # of the 68: the lips
MOST_LAG = 2  # frames that sound and mouth may be apart without being seen as out of step
SEARCHED_LAG = 12  # frames searched for the best agreement


def average_expression_distance(true: ArrayLike, output: ArrayLike) -> float:
    """AED: mean absolute difference of expression coefficients, (T, 64) each."""
    return _mean_absolute(true, output)


def average_pose_distance(true: ArrayLike, output: ArrayLike) -> float:
    """APD: mean absolute difference of the head's Euler angles, (T, 3) radians each, wrapped."""
    difference = _array(true) - _array(output)
    return _mean_absolute((difference + np.pi) % (2 * np.pi) - np.pi, 0.0)


def average_keypoint_distance(true: ArrayLike, output: ArrayLike, scale: float = 1.0) -> float:
    """AKD: mean distance of key points, in pixels times `scale`; (T, K, 2) each."""
    return _mean(np.linalg.norm(_array(true) - _array(output), axis=-1)) * scale


def landmark_distance(true: ArrayLike, output: ArrayLike, scale: float = 1.0) -> float:
    """LMD: mean distance of the lips' key points after their centres are laid on each other.

    The head's place does not count, only the shape of the mouth.

    Args:
        true: (T, 68, 2) pixels, in the order of iBUG.
        output: (T, 68, 2).
        scale: Multiplies the result, to state it in pixels of another picture size.
    """
    a, b = (_array(points)[:, MOUTH_68] for points in (true, output))
    a, b = (points - points.mean(axis=1, keepdims=True) for points in (a, b))
    return average_keypoint_distance(a, b, scale)


def keypoints_68(landmarks: ArrayLike) -> Values:
    """The 68 key points of iBUG, (T, 68, 2), among MediaPipe landmarks (T, >= 468, 2 or 3)."""
    from face3dmm.model import FaceModel

    model = FaceModel.open_face()
    number = {int(vertex): index for index, vertex in enumerate(model.landmarks_468[:MESH])}
    return _array(landmarks)[:, [number[int(vertex)] for vertex in model.landmarks_68], :2]


def recognition_points(landmarks: ArrayLike) -> Values:
    """Centres of the eyes, tip of the nose and corners of the mouth, picture's left first.

    Args:
        landmarks: (T, >= 468, 2 or 3) MediaPipe landmarks.

    Returns:
        (T, 5, 2): what face recognition networks align a face by.
    """
    points = _array(landmarks)[..., :2]
    eyes = [points[:, list(corners)].mean(axis=1) for corners in ((33, 133), (263, 362))]
    return np.stack([*eyes, points[:, 4], points[:, 61], points[:, 291]], axis=1)


def bounding_square(points: NDArray, scale: float, size: int) -> Box:
    """Return the square around points, `scale` times as large as they need, cut at the picture's edge.

    Args:
        points: (K, 2) pixels.
        scale: Side of the square over the larger side of the points' bounding box.
        size: Side of the square picture in pixels.

    Returns:
        x0, y0, x1, y1 in whole pixels, x1 and y1 exclusive.
    """
    low, high = points.min(axis=0), points.max(axis=0)
    half = (high - low).max() * scale / 2
    x0, y0 = np.floor((low + high) / 2 - half).clip(0, size).astype(int)
    x1, y1 = np.ceil((low + high) / 2 + half).clip(0, size).astype(int)
    return int(x0), int(y0), int(x1), int(y1)


def mouth_box(landmarks: NDArray, size: int) -> Box:
    """Return the square around the outer lips times 1.6; `landmarks` (478, 2) pixels of the true frame."""
    return bounding_square(landmarks[list(OUTER_LIPS)], MOUTH_SCALE, size)


def face_box(landmarks: NDArray, size: int) -> Box:
    """Return the square around the face oval times 1.1; `landmarks` (478, 2) pixels of the true frame."""
    return bounding_square(landmarks[list(FACE_OVAL)], FACE_SCALE, size)


@dataclass(frozen=True)
class Agreement:
    """How a curve follows the true one.

    Attributes:
        correlation: Best correlation within +-2 frames.
        at_zero: Correlation without any shift.
        lag: Shift with the best correlation within +-12 frames; positive when the curve comes late.
        at_lag: Correlation with that shift.
    """

    correlation: float
    at_zero: float
    lag: int
    at_lag: float


def agreement(curve: Values, true: Values) -> Agreement:
    """Compare a curve with the true one at every shift up to 12 frames; the longer one is cut at its end.

    Args:
        curve: (T1,) mouth opening to judge.
        true: (T2,) true mouth opening, or the sound's loudness.
    """
    length = min(len(curve), len(true))
    curve, true = curve[:length], true[:length]
    by_lag = {lag: _shifted(curve, true, lag) for lag in range(-SEARCHED_LAG, SEARCHED_LAG + 1)}
    known = {lag: value for lag, value in by_lag.items() if np.isfinite(value)}
    if not known:
        return Agreement(float("nan"), float("nan"), 0, float("nan"))
    near = [value for lag, value in known.items() if abs(lag) <= MOST_LAG]
    best = max(known, key=lambda lag: (known[lag], -abs(lag)))
    return Agreement(max(near, default=float("nan")), by_lag[0], best, known[best])


def correlation(a: Values, b: Values) -> float:
    """Return Pearson's correlation of two (T,) curves over the frames that both have; 0 for a flat curve."""
    known = np.isfinite(a) & np.isfinite(b)
    if known.sum() < 3:
        return float("nan")
    a, b = a[known] - a[known].mean(), b[known] - b[known].mean()
    scale = np.sqrt((a**2).sum() * (b**2).sum())
    return float((a * b).sum() / scale) if scale > 1e-12 else 0.0


def _shifted(curve: Values, true: Values, lag: int) -> float:
    """Return the correlation of the true curve at t with `curve` at t + lag."""
    if lag >= 0:
        return correlation(curve[lag:], true[: len(true) - lag])
    return correlation(curve[:lag], true[-lag:])


def _array(values: ArrayLike) -> Values:
    return np.asarray(values, dtype=np.float64)


def _mean_absolute(a: ArrayLike, b: ArrayLike) -> float:
    return _mean(np.abs(_array(a) - _array(b)))


def _mean(values: Values) -> float:
    """Mean of what is known; NaN where nothing is."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")
