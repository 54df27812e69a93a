"""Which pixels show the head, which the torso, which the background."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import torch
from scipy.ndimage import gaussian_filter, uniform_filter, zoom
from torch import Tensor

from face3dmm.model import FaceModel
from face3dmm.raster import draw_attributes

CHIN, CROWN, EARS = 152, 10, (234, 454)
EAR_LOBES = -0.22  # height of the ear lobes over the middle of the face, in face heights
REACH = (0.95, 1.05)  # half axes of the ellipse that may be hair or ear, in face widths and heights


@dataclass(frozen=True)
class Masks:
    """Soft masks of a clip; head + torso = person.

    Attributes:
        head: (T, S, S) uint8, 255 where the head is: face, hair, ears.
        torso: (T, S, S) uint8: neck, shoulders, clothes, hair that lies below the ear lobes.
        person: (T, S, S) uint8.
    """

    head: Tensor
    torso: Tensor
    person: Tensor


def segment_frames(
    frames: Iterable[Tensor | np.ndarray],
    landmarks: Tensor,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Masks:
    """Segment a clip with MediaPipe's person network, refined along picture edges.

    Args:
        frames: T pictures (S, S, 3) uint8 RGB; read one by one.
        landmarks: (T, 478, 3) pixels of these pictures.
        progress: Called with (done, total).
    """
    from face3dmm.detector import PersonSegmenter

    count = len(landmarks)
    head: list[np.ndarray] = []
    person: list[np.ndarray] = []
    with PersonSegmenter() as segmenter:
        for index, (frame, points) in enumerate(zip(frames, landmarks, strict=True)):
            picture = np.ascontiguousarray(frame)
            matte = refine(segmenter(picture), picture)
            region = head_region(points[:, :2], picture.shape[0])
            person.append((matte * 255).astype(np.uint8))
            head.append((matte * region * 255).astype(np.uint8))
            progress(index + 1, count)
    heads, persons = (torch.from_numpy(np.stack(part)) for part in (head, person))
    return Masks(heads, persons - heads, persons)


def refine(probability: np.ndarray, picture: np.ndarray, radius: int = 5, smoothness: float = 4e-4) -> np.ndarray:
    """Pull a soft mask to the edges of its picture by a guided filter at half size (He et al. 2013).

    Args:
        probability: (S, S) in [0, 1].
        picture: (S, S, 3) uint8.
        radius: Of the windows, in half-size pixels.
        smoothness: Variance of the luminance (of 1) below which a window counts as flat.

    Returns:
        (S, S) float32 in [0, 1], steeper than the probability: below 0.1 is 0, above 0.9 is 1.
    """
    guide = picture.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32) / 255
    small, mask = (half.reshape(half.shape[0] // 2, 2, -1, 2).mean((1, 3)) for half in (guide, probability))
    size = 2 * radius + 1
    mean, mask_mean = uniform_filter(small, size), uniform_filter(mask, size)
    variance = uniform_filter(small * small, size) - mean * mean
    slope = (uniform_filter(small * mask, size) - mean * mask_mean) / (variance + smoothness)
    offset = mask_mean - slope * mean
    slope, offset = (zoom(uniform_filter(part, size), 2, order=1) for part in (slope, offset))
    return np.clip((slope * guide + offset - 0.1) / 0.8, 0, 1).astype(np.float32)


def head_region(points: Tensor, size: int) -> np.ndarray:
    """Where the head may be: the face, and hair and ears around it down to the ear lobes.

    Args:
        points: (478, 2) landmarks in pixels.
        size: Side of the picture.

    Returns:
        (size, size) float32 in [0, 1] with a soft edge.
    """
    chin, crown = points[CHIN].numpy(), points[CROWN].numpy()
    right, left = points[EARS[0]].numpy(), points[EARS[1]].numpy()
    up, across = crown - chin, left - right
    height, width = float(np.linalg.norm(up)), float(np.linalg.norm(across))
    if height < 1 or width < 1:
        return np.zeros((size, size), np.float32)
    up = up / height
    across = np.array([-up[1], up[0]])
    centre = (chin + crown) / 2
    rows, columns = np.mgrid[:size, :size].astype(np.float32) + 0.5
    x, y = columns - centre[0], rows - centre[1]
    along_up = (x * up[0] + y * up[1]) / height
    aside = (x * across[0] + y * across[1]) / width
    around = (aside / REACH[0]) ** 2 + ((along_up - 0.15) / REACH[1]) ** 2 < 1
    region = (around & (along_up > EAR_LOBES)) | face_area(points, size)
    return gaussian_filter(region.astype(np.float32), 1.5)


def face_area(points: Tensor, size: int) -> np.ndarray:
    """(size, size) bool: inside the face oval."""
    oval = points[FaceModel.open_face().face_oval]
    fan = torch.cat([oval, oval.mean(0, keepdim=True)])
    vertices = torch.cat([fan, torch.ones(len(fan), 1)], 1)[None]
    first = torch.arange(len(oval))
    faces = torch.stack([first, first.roll(-1), torch.full_like(first, len(oval))], 1)
    return draw_attributes(vertices, faces, torch.ones(len(fan), 1), size)[0, 0].numpy() > 0
