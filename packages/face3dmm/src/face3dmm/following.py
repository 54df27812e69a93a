"""Second look at a clip: the landmarks of the chosen person in every frame of the 512 x 512 crop."""

from collections.abc import Callable

import numpy as np

from face3dmm.detector import LANDMARKS
from face3dmm.landmark_queue import LandmarkQueue
from face3dmm.survey import SIZE, Person, Survey
from face3dmm.video import VideoReader

_REACH = 0.75  # face sizes from where the face is expected


def follow(
    reader: VideoReader, found: Survey, progress: Callable[[int], None] = lambda done: None
) -> np.ndarray:
    """Landmarks (T, 478, 3) of the person in pixels of the working picture; NaN in frames without them."""
    x0, y0, side = found.crop
    scale = SIZE / side
    centres = _expected(found.person, len(found.changes), (x0, y0), scale)
    reach = _REACH * found.person.side() * scale
    several = any(_within(other, found.crop) for other in found.others)
    faces = found.faces
    if faces is None or several:
        with LandmarkQueue(faces=2 if several else 1) as queue:
            for number, picture in enumerate(reader.crops(found.crop, SIZE)):
                queue.add(picture)
                progress(number + 1)
            faces = queue.faces()
    else:
        for number in range(len(faces)):  # found in the first look
            progress(number + 1)
    expected = zip(faces, centres[np.minimum(np.arange(len(faces)), len(centres) - 1)], strict=True)
    return np.stack([_nearest(one, centre, reach) for one, centre in expected])


def _expected(person: Person, count: int, corner: tuple[int, int], scale: float) -> np.ndarray:
    """Where the first look saw the face, (count, 2) in the crop, interpolated."""
    centres = (person.centres() - corner) * scale
    times = np.arange(count)
    return np.stack([np.interp(times, person.times, centres[:, axis]) for axis in range(2)], 1)


def _nearest(faces: list[np.ndarray], expected: np.ndarray, reach: float) -> np.ndarray:
    nothing = np.full((LANDMARKS, 3), np.nan, np.float32)
    away = [float(np.hypot(*(face[:, :2].mean(0) - expected))) for face in faces]
    return faces[int(np.argmin(away))] if away and min(away) < reach else nothing


def _within(person: Person, crop: tuple[int, int, int]) -> bool:
    """Whether a person's face is often inside the crop."""
    x0, y0, side = crop
    inside = ((person.centres() > (x0, y0)) & (person.centres() < (x0 + side, y0 + side))).all(1)
    return bool(inside.mean() > 0.2)
