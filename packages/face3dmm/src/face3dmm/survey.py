"""First look at a clip: who is in it, which person to follow, which square of the picture to keep."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace

import numpy as np

from face3dmm.detector import FaceBox, FaceFinder
from face3dmm.errors import InputError
from face3dmm.landmark_queue import LandmarkQueue
from face3dmm.turned import TURNED, quarter_turns
from face3dmm.video import VideoInfo, VideoReader

EVERY = 5  # frames from one search for faces to the next: 5 searches per second
MIN_FACE = 64  # pixels of the source
_LONGEST = 640  # the search sees 192 pixels anyway
_THINNING = 4  # what changes from frame to frame is seen in every fourth pixel, too
_SQUARE = 1.1  # sides of a picture that is kept whole
_WHOLE_FACE = 0.22  # of the picture's side: a smaller face is cropped even from a square picture
_CROP = 2.25  # side of the crop in face boxes: head and shoulders
_FACE_AT = 0.49  # height of the face in the crop, from its top
_UPRIGHT_TRIALS = 5
SIZE = 512  # of the square pictures in which landmarks are found


@dataclass
class Person:
    """One person's face over time, in pixels of the upright source.

    Attributes:
        times: Frame numbers at which the face was found.
        boxes: Where.
    """

    times: list[int] = field(default_factory=list)
    boxes: list[FaceBox] = field(default_factory=list)

    def centres(self) -> np.ndarray:
        """(N, 2) x, y."""
        return np.array([box.centre for box in self.boxes])

    def side(self) -> float:
        """Median size of the face."""
        return float(np.median([box.side for box in self.boxes]))


@dataclass(frozen=True)
class Survey:
    """What the first look found.

    Attributes:
        person: Whom to follow.
        others: Other people who are in the picture for a good part of the clip.
        crop: (x0, y0, side) in pixels of the upright source.
        changes: (T,) mean difference of each frame from the one before it, 0..255; 0 for frame 0.
        brightness: Median luminance of the person's face, 0..255.
        faces: Of each frame the landmarks found, in pixels of the 512 x 512 crop, where it could be told
            from the beginning where to look; else None.
    """

    person: Person
    others: tuple[Person, ...]
    crop: tuple[int, int, int]
    changes: np.ndarray
    brightness: float
    faces: list[list[np.ndarray]] | None = None


def survey(
    reader: VideoReader, progress: Callable[[int], None] = lambda done: None, *, landmarks: bool = False
) -> Survey:
    """Look through a clip.

    Args:
        reader: The clip.
        progress: Called with the number of frames done.
        landmarks: Find them in the same pass, beside the search for faces, as long as one person is seen who
            stays in the square that the first frame lets expect.

    Raises:
        InputError: If there is no face in it, or it is too small.
    """
    people: list[Person] = []
    changes: list[float] = []
    brightness: list[tuple[Person, float]] = []
    samples: list[np.ndarray] = []
    before: np.ndarray | None = None
    turns: Future[int] | None = None
    with FaceFinder() as finder, ThreadPoolExecutor(1) as beside, ExitStack() as running:
        expected = expected_crop(reader, finder) if landmarks else None
        queue = running.enter_context(LandmarkQueue()) if expected else None
        for number, glance in enumerate(reader.glances(_LONGEST, _THINNING, expected)):
            if queue is not None and glance.crop is not None:
                queue.add(glance.crop)
            small = glance.thin[..., 1].astype(np.int16)
            changes.append(0.0 if before is None else float(np.abs(small - before).mean()))
            before = small
            if number % EVERY == 0:
                picture = glance.whole()
                scale = reader.info.width / picture.shape[1]
                for box in finder(picture):
                    person = _same_person(people, number, scaled(box, scale)) or _new(people)
                    person.times.append(number)
                    person.boxes.append(scaled(box, scale))
                    brightness.append((person, luminance(picture, box)))
                if turns is None:
                    samples.append(picture)
                if turns is None and len(samples) == _UPRIGHT_TRIALS:
                    turns = beside.submit(_turns, samples)
                if expected and queue and not _stays_in(people, expected, reader.info):
                    running.close()
                    queue = None
            progress(number + 1)
        turned = turns.result() if turns is not None else _turns(samples)
        faces = queue.faces() if queue is not None else None
    if turned:
        cause = f"the picture {TURNED[turned]}"
        raise InputError(reader.path, cause, "Turn the video upright and try again.")
    if not people:
        raise _no_face(reader)
    person = max(people, key=lambda one: prominence(one, reader.info))
    if person.side() < MIN_FACE:
        cause = f"the face is too small: {person.side():.0f} pixels, at least {MIN_FACE} are needed"
        raise InputError(reader.path, cause, "Film it closer, or at a higher resolution.")
    least = max(2, len(person.times) // 5)
    others = tuple(one for one in people if one is not person and len(one.times) >= least)
    light = float(np.median([value for one, value in brightness if one is person]))
    crop = choose_crop(person, reader.info)
    if faces is not None and expected:
        faces = [[_from_crop_to_crop(one, expected, crop) for one in frame] for frame in faces]
    return Survey(person, others, crop, np.array(changes), light, faces)


def _turns(pictures: list[np.ndarray]) -> int:
    with FaceFinder() as finder:
        return quarter_turns(finder, pictures)


def expected_crop(reader: VideoReader, finder: FaceFinder) -> tuple[int, int, int] | None:
    """The crop (x0, y0, side) that the first frame lets expect: round its one face, or a whole square
    picture."""
    warnings = list(reader.warnings)
    with closing(reader.frames(_LONGEST)) as frames:
        first = next(frames, None)
    reader.warnings[:] = warnings  # a few frames tell nothing about the clip
    found = [] if first is None else finder(first)
    if first is None or len(found) != 1:
        return whole_square(reader.info)
    return choose_crop(Person([0], [scaled(found[0], reader.info.width / first.shape[1])]), reader.info)


def _stays_in(people: list[Person], crop: tuple[int, int, int], info: VideoInfo) -> bool:
    """Whether what was seen so far is one person, whose face is in a square and large enough for it."""
    if sum(len(one.times) > 1 for one in people) > 1:
        return False
    x0, y0, side = crop
    for person in people[:1]:
        box = person.boxes[-1]
        left, top = max(box.x0, 0), max(box.y0, 0)
        right, bottom = min(box.x1, info.width), min(box.y1, info.height)
        inside = x0 <= left and y0 <= top and right <= x0 + side and bottom <= y0 + side
        if not inside or person.side() < _WHOLE_FACE * side:
            return False
    return True


def _from_crop_to_crop(
    points: np.ndarray, source: tuple[int, int, int], target: tuple[int, int, int]
) -> np.ndarray:
    """Points (N, 3) in pixels of one square, scaled to SIZE, in pixels of another one."""
    if source == target:
        return points
    corner = np.subtract(source[:2], target[:2]) * (SIZE / target[2])
    return (points * (source[2] / target[2]) + np.append(corner, 0)).astype(points.dtype)


def whole_square(info: VideoInfo) -> tuple[int, int, int] | None:
    """The crop (x0, y0, side) of a picture that is square or nearly so, else None."""
    short = min(info.width, info.height)
    if max(info.width, info.height) > _SQUARE * short:
        return None
    return (info.width - short) // 2, (info.height - short) // 2, short


def choose_crop(person: Person, info: VideoInfo) -> tuple[int, int, int]:
    """Square around head and shoulders that holds the face during the whole clip, inside the picture.

    A picture that is square already and in which the face is large enough is kept whole.

    Returns:
        (x0, y0, side) in pixels of the upright source.
    """
    width, height = info.width, info.height
    short = min(width, height)
    square = whole_square(info)
    if square and person.side() >= _WHOLE_FACE * short:
        return square
    low, high = np.percentile(person.centres(), [2, 98], axis=0)
    face = float(np.percentile([box.side for box in person.boxes], 75))
    side = max(_CROP * face, float((high - low).max()) + 1.8 * face)
    side = short if side > 0.85 * short else max(side, MIN_FACE)
    middle = (low + high) / 2
    x0 = round(float(np.clip(middle[0] - side / 2, 0, width - side)))
    y0 = round(float(np.clip(middle[1] - _FACE_AT * side, 0, height - side)))
    return x0, y0, min(int(side), width - x0, height - y0)


def scaled(box: FaceBox, scale: float) -> FaceBox:
    """A box in a picture that is `scale` times as large."""
    return replace(box, x0=box.x0 * scale, y0=box.y0 * scale, x1=box.x1 * scale, y1=box.y1 * scale)


def _new(people: list[Person]) -> Person:
    people.append(Person())
    return people[-1]


def _same_person(people: list[Person], number: int, box: FaceBox) -> Person | None:
    """The one seen last where the box is now; nobody has two faces in one frame."""
    near = []
    for person in people:
        last = person.boxes[-1]
        distance = float(np.hypot(*np.subtract(last.centre, box.centre))) / max(last.side, box.side, 1e-6)
        if person.times[-1] != number and distance < 0.6:
            near.append((distance, id(person), person))
    return min(near)[2] if near else None


def prominence(person: Person, info: VideoInfo) -> float:
    """How much of the picture's attention a person has: largest and most central, for the longest time."""
    away = (person.centres() - (info.width / 2, info.height / 2)) / max(info.width, info.height)
    central = np.exp(-2 * (away**2).sum(1))
    return float(np.sum(central * [box.side for box in person.boxes]))


def luminance(picture: np.ndarray, box: FaceBox) -> float:
    """Median luminance 0..255 of a face in a picture (H, W, 3) uint8 RGB; 0 where the box lies outside."""
    y0, y1, x0, x1 = (max(0, int(value)) for value in (box.y0, box.y1, box.x0, box.x1))
    part = picture[y0 : y1 + 1, x0 : x1 + 1]
    return float(np.median(part @ np.array([0.299, 0.587, 0.114]))) if part.size else 0.0


def _no_face(reader: VideoReader) -> InputError:
    if any("damaged" in text for text in reader.warnings):
        cause = "parts of it are damaged, and no face can be seen in the rest"
        return InputError(reader.path, cause, "Copy or export it again.")
    return InputError(reader.path, "no face was found in it", "Give a clip that shows one person's face.")
