"""Find the watermark in a picture or a video, without the original.

The mark stands still while the picture moves, so frames are averaged first. What is slower than the mark is
taken away, what is stronger is limited, and every place counts by how little else there is. Then, for one
guess of the scale after another, the spectrum is taken at the frequencies that the waves of the mark would
have, and those with known phases are compared at every shift at once. Where they fit, the others are read and
decoded.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

import numpy as np

from mimictalk.watermark import FASTEST, TILE, waves
from mimictalk.watermark_code import LENGTH, decode

THRESHOLD = 5.5  # standard deviations: of the shifts and scales tried, noise passes one in 5e7
COMMON = (1.0, 0.75, 0.5, 1 / 0.9, 2 / 3, 1.5, 2.0)
SCALES = (*COMMON, *np.exp(np.arange(np.log(0.45), np.log(2.2), 0.006)).tolist())
FINER = (-0.001, 0.001, -0.002, 0.002, -0.003, 0.003)  # around the best of the above
WINDOW, WINDOWS = 250, 6  # frames that are averaged; how many such pieces of a video are looked at
LIMIT = 8.0  # grey levels: stronger details are not the mark
BLUR = 15  # pixels of the marked original: slower details are not the mark
FLOOR = 1.0  # grey levels squared, of what is left where there is nothing but the mark


@dataclass(frozen=True)
class Detection:
    """What was found.

    Attributes:
        payload: The 64 bits, or None where there is no mark.
        score: Standard deviations by which the best fit stands out; noise stays below `THRESHOLD`.
        scale: Size of the picture relative to when it was marked, at the best fit.
    """

    payload: int | None
    score: float
    scale: float


NOTHING = Detection(None, 0.0, 1.0)


def detect(frames: Iterable[np.ndarray]) -> Detection:
    """Look for the mark in a video.

    Args:
        frames: (height, width) brightness each, 0 to 255, all of one size; at most the first 1500 are used.
    """
    means: list[np.ndarray] = []
    counts: list[int] = []
    for index, frame in enumerate(frames):
        if index >= WINDOW * WINDOWS:
            break
        if index % WINDOW == 0:
            means.append(np.zeros(frame.shape, np.float32))
            counts.append(0)
        means[-1] += frame
        counts[-1] += 1
    if not means or min(means[0].shape) < TILE // 4:
        return NOTHING
    found = detect_picture(sum(means[1:], means[0].copy()) / sum(counts))
    if found.payload is None and len(means) > 1:  # perhaps only a part of it is marked
        for mean, count in zip(means, counts, strict=True):
            part = detect_picture(mean / count)
            found = max(found, part, key=lambda each: (each.payload is not None, each.score))
    return found


def detect_picture(picture: np.ndarray, scales: Iterable[float] = SCALES) -> Detection:
    """Look for the mark in one picture, best the average of many frames.

    Args:
        picture: (height, width) brightness, 0 to 255.
        scales: Sizes relative to the marked original that are tried, one after another.
    """
    best = NOTHING
    weighted: dict[int, np.ndarray] = {}
    for scale in scales:
        blur = _blur_at(scale)
        if blur not in weighted:
            weighted[blur] = _weighted(picture, blur)
        found = _at_scale(weighted[blur], scale)
        if found.payload is not None:
            return found
        best = max(best, found, key=lambda each: each.score)
    for step in FINER if best.score >= THRESHOLD else ():
        found = _at_scale(weighted[_blur_at(best.scale)], best.scale * (1 + step))
        if found.payload is not None:
            return found
    return best


def _at_scale(weighted: np.ndarray, scale: float) -> Detection:
    used = waves()
    spectrum = _even(_spectrum(weighted, scale))
    fitting = spectrum * _expected()
    # Only the first columns hold anything: the others need no transform of their own.
    fits = np.fft.irfft(np.fft.ifft(fitting[:, : FASTEST + 1], axis=0), TILE, axis=1)
    score = float(fits.max() / (fits.std() + 1e-12))
    if score < THRESHOLD:
        return Detection(None, score, scale)
    # Once more with the shift to a quarter of a pixel.
    both, between = np.arange(-FASTEST, FASTEST + 1), np.zeros((4 * TILE, 2 * TILE + 1), complex)
    between[both, : TILE // 2 + 1] = fitting[both]
    fits = np.fft.irfft2(between, (4 * TILE, 4 * TILE))
    down, right = np.array(np.unravel_index(int(fits.argmax()), fits.shape)) / 4
    rows, columns = used.data.T
    rows = np.where(rows > TILE // 2, rows - TILE, rows)
    turned = spectrum[rows, columns] * np.exp(2j * np.pi * (rows * down + columns * right) / TILE)
    soft = np.empty(LENGTH)
    soft[0::2], soft[1::2] = turned.real, turned.imag
    return Detection(decode(soft), score, scale)


@cache
def _expected() -> np.ndarray:
    """(128, 65) conjugates of the known phases; zero elsewhere."""
    used, expected = waves(), np.zeros((TILE, TILE // 2 + 1), complex)
    expected[tuple(used.known.T)] = used.phases.conj()
    return expected


def _spectrum(picture: np.ndarray, scale: float) -> np.ndarray:
    """The waves of a tile that is `scale` times as large, (128, 65): zero where the mark has none.

    This is the discrete Fourier transform at frequencies between its own, by its definition: one product for
    the columns, one for the rows. Real numbers do: a negative frequency is the positive one with -sin.
    """
    count = FASTEST + 1
    across, down = (_turns(side, scale) for side in picture.shape[::-1])
    along = down.T @ (picture @ across)  # (2 n, 2 n): cos and sin of the rows by cos and sin of the columns
    both_cos, cos_sin = along[:count, :count], along[:count, count:]
    sin_cos, both_sin = along[count:, :count], along[count:, count:]
    spectrum = np.zeros((TILE, TILE // 2 + 1), complex)
    spectrum[:count, :count] = both_cos - both_sin - 1j * (cos_sin + sin_cos)
    spectrum[-1:-count:-1, :count] = (both_cos + both_sin - 1j * (cos_sin - sin_cos))[1:]
    return spectrum


def _turns(side: int, scale: float) -> np.ndarray:
    """(side, 2 n) cosines, then sines, of the n frequencies from 0 at every pixel."""
    angles = (2 * np.pi / (TILE * scale) * np.outer(np.arange(side), np.arange(FASTEST + 1))).astype(
        np.float32
    )
    return np.hstack([np.cos(angles), np.sin(angles)])


def _blur_at(scale: float) -> int:
    return int(BLUR * 2 ** round(np.log2(scale))) | 1


def _weighted(picture: np.ndarray, blur: int) -> np.ndarray:
    """What is left without slow and strong details, over its power around there (a matched filter)."""
    picture = picture.astype(np.float32)
    details = np.clip(picture - _box_blur(picture, blur), -LIMIT, LIMIT)
    return details / (_box_blur(details * details, blur) + FLOOR)


def _box_blur(picture: np.ndarray, side: int) -> np.ndarray:
    """The mean of side x side neighbours, side odd; the edge is repeated."""
    return _column_means(_column_means(picture, side).T, side).T


def _column_means(picture: np.ndarray, side: int) -> np.ndarray:
    padded = np.pad(picture, ((side // 2 + 1, side // 2), (0, 0)), mode="edge")
    total = np.cumsum(padded, axis=0, dtype=np.float64)
    return ((total[side:] - total[:-side]) / side).astype(np.float32)


def _even(spectrum: np.ndarray) -> np.ndarray:
    """A spectrum whose waves count alike: relative to those about as long, and at most 1.5 times as much."""
    ring, size = _rings()
    power = np.bincount(ring.ravel(), np.abs(spectrum.ravel()) ** 2) / size
    even = spectrum / (np.sqrt(power)[ring] + 1e-12)
    return even / np.maximum(1, np.abs(even) / 1.5)


@cache
def _rings() -> tuple[np.ndarray, np.ndarray]:
    """(128, 65) rounded frequency of every wave, those faster than the mark's as one; how many each has."""
    rows, columns = np.fft.fftfreq(TILE, 1 / TILE)[:, None], np.arange(TILE // 2 + 1)
    ring = np.minimum(np.rint(np.hypot(rows, columns)), FASTEST + 1).astype(int)
    return ring, np.bincount(ring.ravel())
