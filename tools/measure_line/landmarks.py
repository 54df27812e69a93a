"""Find faces again, on true and on rendered frames alike, with the MediaPipe face mesh."""

import numpy as np

from face3dmm.metrics import bounding_square, face_box, mouth_box

__all__ = ["INNER_LIP_PAIRS", "bounding_square", "detect", "face_box", "mouth_box", "mouth_opening"]

INNER_LIP_PAIRS = ((13, 14), (82, 87), (312, 317))  # middle, right and left of the opening: upper, lower
EYE_CORNERS = (33, 263)  # outer corners


def detect(frames: np.ndarray) -> np.ndarray:
    """Detect one face per frame, following it from frame to frame.

    Args:
        frames: (T, H, W, 3) uint8 RGB.

    Returns:
        (T, 478, 2) float64 pixels; NaN in frames without a face.
    """
    from face3dmm.detector import LandmarkTracker

    found = np.full((len(frames), 478, 2), np.nan)
    with LandmarkTracker() as tracker:
        for index, frame in enumerate(frames):
            for face in tracker(frame)[:1]:
                found[index] = face[:, :2]
    return found


def mouth_opening(points: np.ndarray) -> np.ndarray:
    """Measure how far the lips are apart, in distances between the outer corners of the eyes.

    Args:
        points: (..., K >= 468, 2 or 3) landmarks or face model vertices, any unit.

    Returns:
        (...,) mean gap of the three inner lip pairs over the eye distance; NaN where the points are NaN.
    """
    gaps = [np.linalg.norm(points[..., a, :] - points[..., b, :], axis=-1) for a, b in INNER_LIP_PAIRS]
    left, right = EYE_CORNERS
    return np.mean(gaps, axis=0) / np.linalg.norm(points[..., left, :] - points[..., right, :], axis=-1)
