"""Find faces again, on true and on rendered frames alike, with the MediaPipe face mesh."""

import numpy as np

OUTER_LIPS = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185)
FACE_OVAL = (
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152, 148, 176,
    149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
)  # fmt: skip
INNER_LIP_PAIRS = ((13, 14), (82, 87), (312, 317))  # middle, right and left of the opening: upper, lower
EYE_CORNERS = (33, 263)  # outer corners
MOUTH_SCALE = 1.6
FACE_SCALE = 1.1


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


def bounding_square(points: np.ndarray, scale: float, size: int) -> tuple[int, int, int, int]:
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


def mouth_box(landmarks: np.ndarray, size: int) -> tuple[int, int, int, int]:
    """Return the square around the outer lips times 1.6; `landmarks` (478, 2) pixels of the true frame."""
    return bounding_square(landmarks[list(OUTER_LIPS)], MOUTH_SCALE, size)


def face_box(landmarks: np.ndarray, size: int) -> tuple[int, int, int, int]:
    """Return the square around the face oval times 1.1; `landmarks` (478, 2) pixels of the true frame."""
    return bounding_square(landmarks[list(FACE_OVAL)], FACE_SCALE, size)


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
