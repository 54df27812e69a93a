"""Which pixels show the head, which the torso, which the background."""

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from face3dmm.landmarks import FACE_OVAL, FACE_WIDTH
from face3dmm.raster import draw_attributes

CHIN, CROWN = 152, 10  # of the mesh: the crown is the hairline, not the top of the head
# All in a frame that turns with the head, in face widths aside of and face heights above the middle of the
# face.
EAR_LOBES = -0.22  # lower end of what is head beside the face
LOBES_RISE = 0.5  # ... farther out than the hair usually is it rises, so that shoulders stay out
LOBES_FROM = 0.75
REACH = (1.2, 1.5)  # half axes of the ellipse in which hair, ears and hats lie
REACH_ABOVE = 0.15  # of its middle
HALF = 2  # regions and filters are worked out at half the picture's size
GUIDE_RADIUS = 5  # of the guided filter's windows, at half size
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
) -> Masks:
    """Segment a clip; everything is kept in memory, see `segment_stream` for one frame at a time.

    Args:
        frames: T pictures (S, S, 3) uint8 RGB, read one by one; S is even.
        landmarks: (T, 478, 3) pixels of these pictures.
        progress: Called with (done, total).
        task: See `segment_stream`.

    Raises:
        InputError: If `task` is no segmentation task file.
        ValueError: If there are not as many frames as landmarks.
    """
    head: Tensor | None = None
    for index, (first, second) in enumerate(segment_stream(frames, landmarks, task=task)):
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
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Segment a clip frame by frame: MediaPipe's person network, steadied and drawn to the picture's edges.

    Args:
        frames: T pictures (S, S, 3) uint8 RGB, read one by one with one frame of look-ahead; S is even.
        landmarks: (T, 478, 3) pixels of these pictures.
        task: A MediaPipe segmentation task file to use in place of the bundled network. One that tells
            clothes and skin of the body from the rest (selfie_multiclass_256x256.tflite does) helps to tell
            the head from the torso; else that is done by the landmarks alone.

    Yields:
        (head, person), both (S, S) uint8; the torso is their difference.

    Raises:
        InputError: If `task` is no segmentation task file.
        ValueError: If there are not as many frames as landmarks.
    """
    from face3dmm.detector import PersonSegmenter, TaskSegmenter

    with PersonSegmenter() if task is None else TaskSegmenter(task) as segmenter:

        def look(frame: Tensor | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            picture = np.ascontiguousarray(frame)
            return picture, segmenter(picture)[:, ::HALF, ::HALF]  # the network's own size for 512 pixels

        for (before, (picture, now), after), points in zip(
            _with_neighbours(map(look, frames)), landmarks, strict=True
        ):
            # The median over three frames takes out flicker and, unlike a mean, leaves no ghost of what
            # moves.
            steady, below = np.maximum(np.minimum(before, after), np.minimum(np.maximum(before, after), now))
            matte = refine(steady, picture)
            region = head_region(points[:, :2], len(picture)) * (1 - below)
            head = matte * _enlarged(region)
            yield (head * 255 + 0.5).astype(np.uint8), (matte * 255 + 0.5).astype(np.uint8)


def refine(probability: np.ndarray, picture: np.ndarray) -> np.ndarray:
    """Pull a coarse matte to its picture's edges by a guided filter (He et al. 2013, sec. 3; green guides).

    Args:
        probability: (S / 2, S / 2) float32 in [0, 1].
        picture: (S, S, 3) uint8.

    Returns:
        (S, S) float32 in [0, 1], steeper than the probability.
    """
    from scipy.ndimage import uniform_filter

    def box(values: np.ndarray) -> np.ndarray:
        return uniform_filter(values, 2 * GUIDE_RADIUS + 1)

    guide = picture[..., 1].astype(np.float32) / 255
    small = (guide[::2, ::2] + guide[1::2, ::2] + guide[::2, 1::2] + guide[1::2, 1::2]) / 4
    mean, matte_mean = box(small), box(probability)
    slope = (box(small * probability) - mean * matte_mean) / (
        box(small * small) - mean * mean + GUIDE_SMOOTHNESS
    )
    offset = box(matte_mean - slope * mean)
    fine = _enlarged(box(slope)) * guide + _enlarged(offset)
    return ((fine - STEEP) / (1 - 2 * STEEP)).clip(0, 1)


def head_region(points: Tensor, size: int) -> np.ndarray:
    """Where the head may be: the face, and hair and ears around it down to the ear lobes.

    Args:
        points: (478, 2) landmarks in pixels.
        size: Side of the picture.

    Returns:
        (size / 2, size / 2) float32 in [0, 1] with a soft edge; zeros where the landmarks are no face.
    """
    from scipy.ndimage import uniform_filter

    chin, crown = points[CHIN].numpy(), points[CROWN].numpy()
    up = crown - chin
    height = float(np.linalg.norm(up))
    width = float((points[FACE_WIDTH[0]] - points[FACE_WIDTH[1]]).norm())
    small = size // HALF
    if height < 1 or width < 1:
        return np.zeros((small, small), np.float32)
    # A turned face is narrower, the head is not.
    width, up, centre = max(width, 0.75 * height), up / height, (chin + crown) / 2
    y, x = (HALF * (np.ogrid[:small, :small][axis] + 0.5).astype(np.float32) for axis in range(2))
    above = ((x - centre[0]) * up[0] + (y - centre[1]) * up[1]) / height
    aside = np.abs((x - centre[0]) * up[1] - (y - centre[1]) * up[0]) / width
    near = (aside / REACH[0]) ** 2 + ((above - REACH_ABOVE) / REACH[1]) ** 2 < 1
    # A gentle lower end: long hair runs through it.
    lobes = EAR_LOBES + LOBES_RISE * np.maximum(aside - LOBES_FROM, 0)
    around = near * np.clip((above - lobes) * height / 12 + 0.5, 0, 1)
    region = np.maximum(around, face_area(points / HALF, small))
    return uniform_filter(region.astype(np.float32), 3)


def face_area(points: Tensor, size: int) -> np.ndarray:
    """Inside of the face oval, (size, size) bool, of landmarks (478, 2) in pixels."""
    oval = points[list(FACE_OVAL)].float()
    fan = torch.cat([oval, oval.mean(0, keepdim=True)])
    corners = torch.cat([fan, torch.ones(len(fan), 1)], 1)[None]
    first = torch.arange(len(oval))
    faces = torch.stack([first, first.roll(-1), torch.full_like(first, len(oval))], 1)
    return draw_attributes(corners, faces, torch.ones(len(fan), 1), size)[0, 0].numpy() > 0


def _enlarged(values: np.ndarray) -> np.ndarray:
    """(S / 2, S / 2) to (S, S), bilinear."""
    tensor = torch.from_numpy(values)[None, None]
    return torch.nn.functional.interpolate(tensor, scale_factor=HALF, mode="bilinear")[0, 0].numpy()


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
