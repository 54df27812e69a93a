"""Tell an upside-down picture, in which detectors find a face all the same."""

import numpy as np

from face3dmm.detector import FaceFinder, LandmarkTracker
from face3dmm.landmarks import LEFT_LID_PAIRS, RIGHT_LID_PAIRS

_BROWS = (46, 53, 52, 65, 55, 70, 63, 105, 66, 107, 276, 283, 282, 295, 285, 300, 293, 334, 296, 336)
_LIDS = tuple(point for pair in RIGHT_LID_PAIRS + LEFT_LID_PAIRS for point in pair)
_SKIN = (
    *(50, 101, 36, 205, 280, 330, 266, 425, 117, 118, 346, 347, 123, 352),  # cheeks
    *(151, 9, 8, 108, 337, 69, 299, 67, 297, 10),  # forehead
    *(5, 195, 197, 4, 6, 168),  # nose
)


def is_upside_down(finder: FaceFinder, pictures: list[np.ndarray]) -> bool:
    """Whether most pictures show a face better when turned round.

    Two signs must agree, as either alone is fooled (the first one by a covered mouth): the detector is surer
    of the turned picture, and where the mesh puts eyes and brows there it is darker against the skin.

    Args:
        finder: Finds faces.
        pictures: (H, W, 3) uint8 RGB each.
    """
    suspicious = [
        picture for picture in pictures if _score(finder, _turned(picture)) > _score(finder, picture)
    ]
    if 2 * len(suspicious) <= len(pictures):
        return False
    with LandmarkTracker(still=True) as tracker:
        worse = [
            _eye_contrast(tracker, picture) < _eye_contrast(tracker, _turned(picture))
            for picture in suspicious
        ]
    return 2 * sum(worse) > len(suspicious)


def _turned(picture: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(picture[::-1, ::-1])


def _score(finder: FaceFinder, picture: np.ndarray) -> float:
    return max((box.score for box in finder(picture)), default=0.0)


def _eye_contrast(tracker: LandmarkTracker, picture: np.ndarray) -> float:
    """How much darker eyes and brows are than the skin, relative to it; -1 without a face."""
    from scipy.ndimage import uniform_filter

    faces = tracker(picture)
    if not faces:
        return -1.0
    light = uniform_filter(picture @ np.array([0.299, 0.587, 0.114]), 7)
    x, y = (faces[0][:, axis].astype(int).clip(0, light.shape[1 - axis] - 1) for axis in range(2))
    values = light[y, x]
    skin = max(float(values[list(_SKIN)].mean()), 1e-6)
    dark = (values[list(_LIDS)].mean() + values[list(_BROWS)].mean()) / 2
    return 1 - float(dark) / skin
