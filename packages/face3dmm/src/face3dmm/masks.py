"""Which pixels show the head, which the torso, which the background."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import reduce

import numpy as np
import torch
from torch import Tensor

from face3dmm.landmarks import FACE_OVAL, FACE_WIDTH

CHIN, CROWN = 152, 10  # of the mesh: the crown is the hairline, not the top of the head
# All in a frame that turns with the head, in face widths aside of and face heights above the middle of the
# face.
EAR_LOBES = -0.22  # lower end of what is head beside the face
LOBES_RISE = 0.5  # ... farther out than the hair usually is it rises, so that shoulders stay out
LOBES_FROM = 0.75
REACH = (1.2, 1.5)  # half axes of the ellipse in which hair, ears and hats lie
REACH_ABOVE = 0.15  # of its middle
HALF = 2  # what is taken of the network's answer: its own size for 512 pixels
QUARTER = 4  # regions and filters are worked out at a quarter of the picture's size, in a third of the time
GUIDE_RADIUS = 2  # of the guided filter's windows, at that size
GUIDE_SMOOTHNESS = 4e-4  # variance of the guide (of 1) below which a window counts as flat
STEEP = 0.1  # mattes below it become 0, above 1 - it become 1


@dataclass(frozen=True)
class Masks:
    """Soft masks of a clip; head + torso = person, and what is left of 255 is background.

    Attributes:
        head: (T, S, S) uint8, 255 where the head is: face, hair, ears.
        torso: (T, S, S) uint8: neck, shoulders, clothes, and hair that hangs lower than the ear lobes.
        person: (T, S, S) uint8.
    """

    head: Tensor
    torso: Tensor
    person: Tensor


def segment_frames(
    frames: Iterable[Tensor | np.ndarray],
    landmarks: Tensor,
    progress: Callable[[int, int], None] = lambda done, total: None,
    *,
    task: str | os.PathLike[str] | None = None,
    numbers: Sequence[int] | None = None,
) -> Masks:
    """Segment a clip; everything is kept in memory, see `segment_stream` for one frame at a time.

    Args:
        frames: T pictures (S, S, 3) uint8 RGB, read one by one; S is a multiple of 4.
        landmarks: (T, 478, 3) pixels of these pictures.
        progress: Called with (done, total).
        task, numbers: See `segment_stream`.

    Raises:
        InputError: If `task` is no segmentation task file.
        ValueError: If there are not as many frames as landmarks.
    """
    head: Tensor | None = None
    for index, (first, second) in enumerate(segment_stream(frames, landmarks, task=task, numbers=numbers)):
        if head is None:
            head = torch.empty(len(landmarks), *first.shape, dtype=torch.uint8)
            person = torch.empty_like(head)
        head[index], person[index] = torch.from_numpy(first), torch.from_numpy(second)
        progress(index + 1, len(landmarks))
    if head is None:
        raise ValueError("there are no frames to segment")
    return Masks(head, person - head, person)


def segment_stream(
    frames: Iterable[Tensor | np.ndarray],
    landmarks: Tensor,
    *,
    task: str | os.PathLike[str] | None = None,
    numbers: Sequence[int] | None = None,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Segment a clip frame by frame: MediaPipe's person network, steadied and drawn to the picture's edges.

    Args:
        frames: T pictures (S, S, 3) uint8 RGB, read one by one, two ahead of what is given; S is a multiple
            of 4.
        landmarks: (T, 478, 3) pixels of these pictures.
        task: A MediaPipe segmentation task file to use in place of the bundled network. One that tells
            clothes and skin of the body from the rest (selfie_multiclass_256x256.tflite does) helps to tell
            the head from the torso; else that is done by the landmarks alone.
        numbers: T, of the frames in their clip; None where each follows the one before. Masks are steadied
            over frames that follow each other.

    Yields:
        (head, person), both (S, S) uint8; the torso is their difference.

    Raises:
        InputError: If `task` is no segmentation task file.
        ValueError: If there are not as many frames as landmarks.
    """
    from face3dmm.detector import PersonSegmenter, TaskSegmenter

    with (
        PersonSegmenter(HALF) if task is None else TaskSegmenter(task, HALF) as segmenter,
        ThreadPoolExecutor(1) as beside,  # finishes one frame while the network looks at the next
    ):

        def look(frame: Tensor | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            picture = np.ascontiguousarray(frame)
            return picture, _block_means(segmenter(picture), QUARTER // HALF)

        waiting: Future[tuple[np.ndarray, np.ndarray]] | None = None
        for number, ((before, (picture, now), after), points) in enumerate(
            zip(_with_neighbours(map(look, frames)), landmarks, strict=True)
        ):
            if numbers is not None and not _in_a_row(numbers, number):
                before = after = now
            # The median over three frames takes out flicker and, unlike a mean, leaves no ghost of what
            # moves.
            steady, below = np.maximum(np.minimum(before, after), np.minimum(np.maximum(before, after), now))
            started = beside.submit(_masks_of_one, picture, steady, below, points[:, :2])
            if waiting is not None:
                yield waiting.result()
            waiting = started
        if waiting is not None:
            yield waiting.result()


def _masks_of_one(
    picture: np.ndarray, person: np.ndarray, below: np.ndarray, points: Tensor
) -> tuple[np.ndarray, np.ndarray]:
    region = _widened(head_region(points, len(picture)) * (1 - below), QUARTER)
    masks = np.empty((2, *picture.shape[:2]), np.uint8)
    parts = zip(_between_rows(region, QUARTER), _matte_rows(person, picture), strict=True)
    for phase, (head, matte) in enumerate(parts):
        matte *= 255
        head *= matte
        for mask, values in zip(masks, (head, matte), strict=True):
            values += 0.5
            mask[phase::QUARTER] = values
    return masks[0], masks[1]


def refine(probability: np.ndarray, picture: np.ndarray) -> np.ndarray:
    """Pull a coarse matte to its picture's edges by a guided filter (He et al. 2013, sec. 3; green guides).

    Its coefficients are found at a quarter of the size (He and Sun 2015, Fast Guided Filter).

    Args:
        probability: (S / 4, S / 4) float32 in [0, 1].
        picture: (S, S, 3) uint8.

    Returns:
        (S, S) float32 in [0, 1], steeper than the probability.
    """
    return np.stack(list(_matte_rows(probability, picture)), 1).reshape(picture.shape[:2])


def _matte_rows(probability: np.ndarray, picture: np.ndarray) -> Iterator[np.ndarray]:
    """What `refine` gives, as `_between_rows` gives it."""
    guide = picture[..., 1].astype(np.float32)
    small = _block_means(guide, QUARTER) / np.float32(255)
    given = np.stack([small, probability, small * probability, small * small])
    mean, matte_mean, product, square = _window_means(given, GUIDE_RADIUS)
    slope = (product - mean * matte_mean) / (square - mean * mean + GUIDE_SMOOTHNESS)
    slope, offset = _window_means(np.stack([slope, matte_mean - slope * mean]), GUIDE_RADIUS)
    # The steepening is linear, too: it is cheaper before the coefficients are enlarged than after.
    slope = _widened(slope / (255 * (1 - 2 * STEEP)), QUARTER)
    offset = _widened((offset - STEEP) / (1 - 2 * STEEP), QUARTER)
    both = zip(_between_rows(slope, QUARTER), _between_rows(offset, QUARTER), strict=True)
    for phase, (rows, plus) in enumerate(both):
        rows *= guide[phase::QUARTER]
        rows += plus
        yield rows.clip(0, 1, out=rows)


def _window_means(values: np.ndarray, radius: int) -> np.ndarray:
    """Means (N, h, w) over windows of 2 radius + 1 pixels a side, the rim mirrored."""
    padded = np.pad(values, ((0, 0), (radius, radius), (radius, radius)), "symmetric")
    (_, height, width), side = values.shape, 2 * radius + 1
    rows = reduce(np.add, [padded[:, first : first + height] for first in range(side)])
    return reduce(np.add, [rows[..., first : first + width] for first in range(side)]) / np.float32(side**2)


def head_region(points: Tensor, size: int) -> np.ndarray:
    """Where the head may be: the face, and hair and ears around it down to the ear lobes.

    Args:
        points: (478, 2) landmarks in pixels.
        size: Side of the picture.

    Returns:
        (size / 4, size / 4) float32 in [0, 1] with a soft edge; zeros where the landmarks are no face.
    """
    chin, crown = points[CHIN].numpy(), points[CROWN].numpy()
    up = crown - chin
    height = float(np.linalg.norm(up))
    width = float((points[FACE_WIDTH[0]] - points[FACE_WIDTH[1]]).norm())
    small = size // QUARTER
    if height < 1 or width < 1:
        return np.zeros((small, small), np.float32)
    # A turned face is narrower, the head is not.
    width, up, centre = max(width, 0.75 * height), up / height, (chin + crown) / 2
    y, x = (QUARTER * (np.ogrid[:small, :small][axis] + 0.5).astype(np.float32) for axis in range(2))
    above = ((x - centre[0]) * up[0] + (y - centre[1]) * up[1]) / height
    aside = np.abs((x - centre[0]) * up[1] - (y - centre[1]) * up[0]) / width
    away = (aside / REACH[0]) ** 2 + ((above - REACH_ABOVE) / REACH[1]) ** 2
    near = np.clip((1 - away) * height / QUARTER + 0.5, 0, 1)
    # A gentle lower end: long hair runs through it.
    lobes = EAR_LOBES + LOBES_RISE * np.maximum(aside - LOBES_FROM, 0)
    around = near * np.clip((above - lobes) * height / 12 + 0.5, 0, 1)
    area = face_area(points / HALF, size // HALF).astype(np.float32)
    return np.maximum(around, _block_means(area, QUARTER // HALF))


def face_area(points: Tensor, size: int) -> np.ndarray:
    """Inside of the face oval, (size, size) bool, of landmarks (478, 2) in pixels."""
    x0, y0 = points[list(FACE_OVAL)].numpy().T
    x1, y1 = np.roll(x0, -1), np.roll(y0, -1)
    middle = np.arange(size)[:, None] + 0.5
    row, edge = np.nonzero((y0 > middle) != (y1 > middle))
    at = x0[edge] + (middle[row, 0] - y0[edge]) * ((x1 - x0)[edge] / (y1 - y0)[edge])
    # From an edge on, all pixels to its right change sides.
    sides = np.zeros((size, size + 1), bool)
    np.logical_xor.at(sides, (row, np.ceil(at - 0.5).clip(0, size).astype(int)), True)
    return np.logical_xor.accumulate(sides[:, :size], axis=1)


def enlarged(values: np.ndarray, times: int) -> np.ndarray:
    """(h, w) float32 to (times h, times w), bilinear, the rim held."""
    rows = _between_rows(_widened(values, times), times)
    return np.stack(list(rows), 1).reshape(times * len(values), -1)


def _widened(values: np.ndarray, times: int) -> np.ndarray:
    """(h, w) float32 to (h, times w), bilinear, the rim held."""
    columns = np.stack(list(_between_rows(np.ascontiguousarray(values.T), times)), 1)
    return np.ascontiguousarray(columns.reshape(-1, len(values)).T)


def _between_rows(values: np.ndarray, times: int) -> Iterator[np.ndarray]:
    """Of `times` as many rows as (h, w) has, every `times`-th from the first on, then from the second on, ...

    Whole rows at a time are several times faster than pixel by pixel, and what is done with a part of them
    stays in the processor's cache.
    """
    held = np.concatenate([values[:1], values, values[-1:]])
    for phase in range(times):
        place = (phase + 0.5) / times + 0.5
        first, share = int(place), values.dtype.type(place - int(place))
        rows, more = held[first : first + len(values)], held[first + 1 : first + 1 + len(values)]
        between = more - rows
        between *= share
        between += rows
        yield between


def _block_means(values: np.ndarray, side: int) -> np.ndarray:
    """Means (..., h, w) over blocks of side x side pixels."""
    rows = reduce(np.add, [values[..., first::side, :] for first in range(side)])
    return reduce(np.add, [rows[..., first::side] for first in range(side)]) / np.float32(side * side)


def _in_a_row(numbers: Sequence[int], place: int) -> bool:
    """Whether the neighbours of a frame, as far as there are any, were next to it in the clip."""
    near = numbers[max(0, place - 1) : place + 2]
    return near[-1] - near[0] == len(near) - 1


def _with_neighbours(
    seen: Iterator[tuple[np.ndarray, np.ndarray]],
) -> Iterator[tuple[np.ndarray, tuple[np.ndarray, np.ndarray], np.ndarray]]:
    """(matte before, (picture, matte), matte after); at the ends the own matte stands in."""
    window: list[tuple[np.ndarray, np.ndarray]] = []
    for item in seen:
        window.append(item)
        if len(window) > 1:
            yield window[-3 if len(window) > 2 else -2][1], window[-2], item[1]
        del window[:-2]
    if window:
        yield window[0][1], window[-1], window[-1][1]
