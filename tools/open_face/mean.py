"""The neutral mean shape: symmetric, in decimetres, lips exactly closed."""

import numpy as np
from topology import LOWER_LIP, UPPER_LIP, VERTICES, mirror_by_shape

FACE_WIDTH = 1.4  # decimetres between vertices 234 and 454
ORIGIN = (0.0, -0.31, -0.02)  # of the model, in measured units: behind the nose, inside the head
VIEW_DISTANCE = 17.0  # decimetres: from how far pictures of faces are taken, roughly
LIP_RELAX = 0.5  # share of the closing that the next ring of the lip follows


def mean_shape(measured: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Neutral face and its mirror.

    Args:
        measured: (478, 3) average landmarks, face width 1.

    Returns:
        vertices (468, 3) in decimetres, mirror permutation (468,).
    """
    points = measured[:VERTICES].astype(np.float64)
    points = points - [(points[234, 0] + points[454, 0]) / 2, 0, 0]
    mirror = mirror_by_shape(points)
    points = (points + points[mirror] * (-1, 1, 1)) / 2
    points = (points - ORIGIN) * FACE_WIDTH / (points[454, 0] - points[234, 0])
    # Landmarks are seen in perspective: what is near looks larger. Undo it, then restore the width.
    points[:, :2] *= 1 - points[:, 2:] / VIEW_DISTANCE
    points *= FACE_WIDTH / (points[454, 0] - points[234, 0])
    return close_lips(points), mirror


def close_lips(points: np.ndarray) -> np.ndarray:
    """Bring the two inner lip lines together and let the neighbouring ring follow a part of the way."""
    closed = points.copy()
    for ring, share in ((3, 1.0), (2, LIP_RELAX)):
        for column in range(1, 10):
            upper, lower = UPPER_LIP[3][column], LOWER_LIP[3][column]
            half = (points[lower] - points[upper]) / 2
            closed[UPPER_LIP[ring][column]] = points[UPPER_LIP[ring][column]] + share * half
            closed[LOWER_LIP[ring][column]] = points[LOWER_LIP[ring][column]] - share * half
    return closed
