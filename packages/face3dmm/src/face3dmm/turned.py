"""Tell a picture that lies on its side or stands on its head."""

import numpy as np

from face3dmm.detector import FaceFinder, LandmarkTracker
from face3dmm.landmarks import LEFT_LID_PAIRS, RIGHT_LID_PAIRS

TURNED = ("is upright", "lies on its side", "is upside down", "lies on its side")  # by quarter turns
CHIN, FOREHEAD = 152, 10
_BROWS = (46, 53, 52, 65, 55, 70, 63, 105, 66, 107, 276, 283, 282, 295, 285, 300, 293, 334, 296, 336)
_LIDS = tuple(point for pair in RIGHT_LID_PAIRS + LEFT_LID_PAIRS for point in pair)
_SKIN = (
    *(50, 101, 36, 205, 280, 330, 266, 425, 117, 118, 346, 347, 123, 352),  # cheeks
    *(151, 9, 8, 108, 337, 69, 299, 67, 297, 10),  # forehead
    *(5, 195, 197, 4, 6, 168),  # nose
)


def quarter_turns(finder: FaceFinder, pictures: list[np.ndarray]) -> int:
    """How often most pictures must be turned to stand upright.

    Detectors find faces in turned pictures, too. Two signs must agree, as either alone is fooled (the first
    one by a covered mouth): the finder is surer of the turned picture than of the given one, and in the
    turned picture the mesh stands upright with eyes and brows darker against the skin than in the given one.

    Args:
        finder: Finds faces.
        pictures: (H, W, 3) uint8 RGB each.

    Returns:
        Quarter turns for `numpy.rot90`, 0 to 3; 0 where pictures disagree or show no face.
    """
    views = [[np.ascontiguousarray(np.rot90(picture, turns)) for turns in range(4)] for picture in pictures]
    likely = [_likely(finder, one) for one in views]
    if all(one == [0] for one in likely):
        return 0
    with LandmarkTracker(still=True) as tracker:
        contrast = [
            [_eye_contrast(tracker, view) if turns in able else -2.0 for turns, view in enumerate(one)]
            for one, able in zip(views, likely, strict=True)
        ]
    votes = [int(np.argmax(one)) for one in contrast]
    best = max(range(4), key=votes.count)
    return best if 2 * votes.count(best) > len(votes) else 0


def _likely(finder: FaceFinder, views: list[np.ndarray]) -> list[int]:
    """The given picture, and the turned ones of which the finder is surer."""
    scores = [max((box.score for box in finder(view)), default=0.0) for view in views]
    return [0, *(turns for turns in (1, 2, 3) if scores[turns] > scores[0])]


def _eye_contrast(tracker: LandmarkTracker, picture: np.ndarray) -> float:
    """How much darker eyes and brows are than the skin, relative to it; -1 without an upright face."""
    faces = tracker(picture)
    if not faces or not _upright(faces[0]):
        return -1.0
    height, width = picture.shape[:2]
    x, y = (faces[0][:, axis, None, None].astype(int) for axis in range(2))
    around = np.arange(-3, 4)
    patches = picture[(y + around[:, None]).clip(0, height - 1), (x + around).clip(0, width - 1)]
    values = (patches @ np.array([0.299, 0.587, 0.114])).mean((1, 2))
    skin = max(float(values[list(_SKIN)].mean()), 1e-6)
    dark = (values[list(_LIDS)].mean() + values[list(_BROWS)].mean()) / 2
    return 1 - float(dark) / skin


def _upright(points: np.ndarray) -> bool:
    """Whether the chin is below the forehead, within 45 degrees."""
    across, down = points[CHIN, :2] - points[FOREHEAD, :2]
    return bool(down > abs(across))
