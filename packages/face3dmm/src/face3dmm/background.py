"""What lies behind a person, gathered over a clip; and the torso behind the head."""

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

SAMPLES = 40
CLEAR = 16  # of 255: a pixel with less person than this shows the background
MARGIN = 5  # pixels kept away from the person: soft edges carry its colour
TORSO = 128  # of 255: pixels whose colour is the torso's own
BORROWED = 6  # pixels inside the torso from which colour is taken: nearer ones carry the chin's shadow


class BackgroundPlate:
    """Gathers the background of a clip of any length from at most 2 x 40 evenly spread frames."""

    def __init__(self) -> None:
        self._pictures: list[np.ndarray] = []
        self._seen: list[np.ndarray] = []
        self._step, self._count = 1, 0

    def add(self, picture: np.ndarray, person: np.ndarray) -> None:
        """Take in one frame (S, S, 3) uint8 and its person mask (S, S) uint8."""
        from scipy.ndimage import maximum_filter

        if self._count % self._step == 0:
            near = maximum_filter(person, 2 * MARGIN + 1)
            self._pictures.append(np.array(picture))
            self._seen.append(near <= CLEAR)
            if len(self._pictures) == 2 * SAMPLES:
                self._pictures, self._seen, self._step = self._pictures[::2], self._seen[::2], 2 * self._step
        self._count += 1

    def plate(self) -> np.ndarray:
        """The background (S, S, 3) uint8: medians of what was seen, flowing into what never was.

        Raises:
            ValueError: If no frame was added.
        """
        if not self._pictures:
            raise ValueError("there are no frames to take the background from")
        chosen = (
            np.linspace(0, len(self._pictures) - 1, min(SAMPLES, len(self._pictures))).round().astype(int)
        )
        pictures = np.stack([self._pictures[index] for index in chosen])
        seen = np.stack([self._seen[index] for index in chosen])
        known = np.asarray(seen.any(0))
        return flow_in(_medians(pictures, seen), known).round().clip(0, 255).astype(np.uint8)


def fill_background(frames: Iterable[Tensor | np.ndarray], person: Iterable[Tensor | np.ndarray]) -> Tensor:
    """The background of a clip, without the person; `BackgroundPlate` takes clips beyond memory, too.

    Args:
        frames: T pictures (S, S, 3) uint8.
        person: T masks (S, S) uint8.

    Returns:
        (S, S, 3) uint8.

    Raises:
        ValueError: If there are no frames, or not as many masks.
    """
    plate = BackgroundPlate()
    for picture, mask in zip(frames, person, strict=True):
        plate.add(np.asarray(picture), np.asarray(mask))
    return torch.from_numpy(plate.plate())


def extend_torso(
    frame: np.ndarray, torso: np.ndarray, head: np.ndarray, reach: int = 72
) -> tuple[np.ndarray, np.ndarray]:
    """Continue neck and shoulders upwards behind the head, so that nothing is empty when the chin moves away.

    Args:
        frame: (S, S, 3) uint8.
        torso: (S, S) uint8 mask.
        head: (S, S) uint8 mask; only what it hides is made up.
        reach: How far, in pixels; the last third fades out.

    Returns:
        Picture (S, S, 3) uint8, the frame where the torso is seen; mask (S, S) uint8 of the longer torso.
    """
    from scipy.ndimage import binary_erosion, distance_transform_edt

    own = torso >= TORSO
    inside = binary_erosion(own, iterations=BORROWED)
    if not inside.any():
        return frame.copy(), torso.copy()
    away = distance_transform_edt(~own)
    nearest = distance_transform_edt(~inside, return_distances=False, return_indices=True)
    made_up = (head > 0) & (away <= reach) & (torso < 255)
    known = np.where((~made_up)[..., None], frame, frame[tuple(nearest)]).astype(np.float32)
    soft = _blurred(np.where(inside[..., None], frame, frame[tuple(nearest)]).astype(np.float32), 5.0)
    share = np.where(made_up, 1 - torso / 255, 0)[..., None]
    picture = known * (1 - share) + soft * share
    fade = np.clip((reach - away) / (reach / 3), 0, 1)
    behind = np.where(made_up, head.astype(np.float32) * fade, 0)
    mask = np.minimum(torso + behind, 255)
    return picture.round().clip(0, 255).astype(np.uint8), mask.round().astype(np.uint8)


def _medians(pictures: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Per-pixel median (S, S, 3) float32 of pictures (N, S, S, 3) where seen (N, S, S); 0 where never."""
    count = seen.sum(0)
    middle = np.maximum(count - 1, 0) // 2
    plate = np.empty(pictures.shape[1:], np.float32)
    for row in range(len(plate)):  # one row at a time: bounded memory
        values = np.where(seen[:, row, :, None], pictures[:, row].astype(np.int16), 256)
        values.sort(axis=0)
        low = np.take_along_axis(values, middle[None, row, :, None], 0)[0]
        high = np.take_along_axis(values, (np.maximum(count, 1) // 2)[None, row, :, None], 0)[0]
        plate[row] = np.where(count[row, :, None] > 0, (low + high) / 2, 0)
    return plate


def flow_in(picture: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Fill unknown pixels from the known ones, near ones first, by normalised blurs of growing width.

    Args:
        picture: (S, S, 3) float32.
        known: (S, S) bool. Where nothing is known the picture becomes mid-grey.
    """
    from scipy.ndimage import gaussian_filter

    if not known.any():
        return np.full_like(picture, 127.5)
    filled, have = picture * known[..., None], known.astype(np.float32)
    sigma = 2.0
    while have.min() == 0:
        weight = gaussian_filter(have, sigma)
        blurred = _blurred(filled, sigma)
        reached = (have == 0) & (weight > 1e-3)
        filled[reached] = blurred[reached] / weight[reached][:, None]
        have[reached] = 1.0
        sigma *= 2
    inside = gaussian_filter((~known).astype(np.float32), 4.0)[..., None] * ~known[..., None]
    return filled * (1 - inside) + _blurred(filled, 6.0) * inside


def _blurred(picture: np.ndarray, sigma: float) -> np.ndarray:
    from scipy.ndimage import gaussian_filter

    return gaussian_filter(picture, (sigma, sigma, 0))
