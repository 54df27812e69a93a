"""Find the watermark in a picture or a video, without the original.

The mark stands still while the picture moves, so frames are averaged first. What is slower than the mark is
taken away, what is stronger is limited, and every place counts by how little else there is. Then, for one
guess of the scale after another, the spectrum is taken at the frequencies that the waves of the mark would
have, and those with known phases are compared at every shift at once. Where they fit, the others are read and
decoded.

Nearly all of this is matrix products: so few waves are summed sooner by them than by Fourier transforms.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import groupby, islice

import numpy as np

from mimictalk.watermark import FASTEST, TILE, waves
from mimictalk.watermark_code import LENGTH, decode

THRESHOLD = 5.5  # standard deviations: of the shifts and scales tried, noise passes one in 5e7
COMMON = (1.0, 0.75, 0.5, 1 / 0.9, 2 / 3, 1.5, 2.0)
SCALES = (*COMMON, *np.exp(np.arange(np.log(0.45), np.log(2.2), 0.006)).tolist())
FINER = (-0.001, 0.001, -0.002, 0.002, -0.003, 0.003)  # around the best of the above
AT_ONCE = 16  # scales: more do not fit the caches of processors
WINDOW, WINDOWS = 250, 6  # frames that are averaged; how many such pieces of a video are looked at
LIMIT = 8.0  # grey levels: stronger details are not the mark
BLUR = 15  # pixels of the marked original: slower details are not the mark
FLOOR = 1.0  # grey levels squared, of what is left where there is nothing but the mark
# Frequencies in a spectrum, in the order of `numpy.fft`: waves per tile.
ROWS = np.concatenate([np.arange(FASTEST + 1), np.arange(-FASTEST, 0)])
COLUMNS = np.arange(FASTEST + 1)
Quarters = list[list[np.ndarray]]  # of a picture: sums and differences of its rows, by those of its columns


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
    folded: dict[int, Quarters] = {}
    for blur, alike in groupby(scales, _blur_at):
        if blur not in folded:
            folded[blur] = _folded(_weighted(picture, blur))
        while several := list(islice(alike, AT_ONCE)):
            for found in _at_scales(folded[blur], picture.shape, several):
                if found.payload is not None:
                    return found
                best = max(best, found, key=lambda each: each.score)
    if best.score >= THRESHOLD:
        finer = [best.scale * (1 + step) for step in FINER]
        for found in _at_scales(folded[_blur_at(best.scale)], picture.shape, finer):
            if found.payload is not None:
                return found
    return best


def _at_scales(folded: Quarters, shape: tuple[int, ...], scales: list[float]) -> Iterator[Detection]:
    """What is found at every one of these scales."""
    spectra = _even(_spectra(folded, shape, scales))
    fitting = spectra * _expected()
    deviations = np.sqrt(2 * _power(fitting).sum((1, 2))) + 1e-12  # of the sum of waves: Parseval's theorem
    scores = _fits(fitting, 1).max((1, 2)) / deviations
    for spectrum, waves_known, score, scale in zip(spectra, fitting, scores.tolist(), scales, strict=True):
        yield Detection(_read(spectrum, waves_known) if score >= THRESHOLD else None, score, scale)


def _read(spectrum: np.ndarray, fitting: np.ndarray) -> int | None:
    """The payload at the best shift, now to a quarter of a pixel; both (33, 17)."""
    fits = _fits(fitting, 4)
    down, right = np.array(np.unravel_index(int(fits.argmax()), fits.shape)) / 4
    rows, columns = waves().data.T
    rows = np.where(rows > TILE // 2, rows - TILE, rows)  # negative ones count from the end of the spectrum
    turned = spectrum[rows, columns] * np.exp(2j * np.pi * (rows * down + columns * right) / TILE)
    soft = np.empty(LENGTH)
    soft[0::2], soft[1::2] = turned.real, turned.imag
    return decode(soft)


def _fits(fitting: np.ndarray, parts: int) -> np.ndarray:
    """The sum of waves (..., 33, 17) at every shift by 1 / parts of a pixel, (..., 128 parts, 128 parts)."""
    down, right = _shifts(parts)
    along = down @ fitting
    return np.concatenate([along.real, along.imag], -1) @ right


@cache
def _shifts(parts: int) -> tuple[np.ndarray, np.ndarray]:
    """What shifts do to waves: (128 parts, 33) complex for the rows, (34, 128 parts) real for the columns."""
    turns = 2j * np.pi / TILE * np.arange(TILE * parts) / parts
    down = np.exp(np.outer(turns, ROWS)).astype(np.complex64)
    right = np.exp(np.outer(COLUMNS, turns))
    return down, (2 * np.concatenate([right.real, -right.imag])).astype(np.float32)


@cache
def _expected() -> np.ndarray:
    """(33, 17) conjugates of the known phases; zero elsewhere."""
    used, expected = waves(), np.zeros((TILE, len(COLUMNS)), np.complex64)
    expected[tuple(used.known.T)] = used.phases.conj()
    return expected[ROWS]


def _folded(picture: np.ndarray) -> Quarters:
    """The quarters of a picture, put on each other: sums and differences of rows, of columns of these."""
    return [[half.T for half in _sum_and_difference(rows.T)] for rows in _sum_and_difference(picture)]


def _sum_and_difference(picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The upper half of a picture and the lower one upside down; a row in the middle belongs to both."""
    count = picture.shape[0]
    upper, lower = picture[: (count + 1) // 2], picture[::-1][: (count + 1) // 2]
    total, difference = upper + lower, upper - lower
    if count % 2:
        total[-1] /= 2
    return total, difference


def _spectra(folded: Quarters, shape: tuple[int, ...], scales: list[float]) -> np.ndarray:
    """The waves of tiles that are `scales` times as large, (n, 33, 17).

    This is the discrete Fourier transform at frequencies between its own, by its definition: one product for
    the columns, one for the rows. About the middle of a picture cosines are even and sines odd, so that one
    quarter of it is enough for each pair of them.
    """
    turns = 2 * np.pi / TILE / np.array(scales)[:, None]  # radians a pixel of the wave of frequency 1
    halves = {side: _half_waves(side, turns) for side in set(shape)}
    down, across = (halves[side] for side in shape)

    def products(rows: int, columns: int) -> np.ndarray:
        """(n, 17, 17): cosines (0) or sines (1) of the rows by those of the columns."""
        along = folded[rows][columns] @ across[columns].reshape(-1, len(scales) * len(COLUMNS))
        return down[rows].transpose(1, 2, 0) @ along.reshape(-1, len(scales), len(COLUMNS)).transpose(1, 0, 2)

    even, odd, mixed, other = products(0, 0), products(1, 1), products(0, 1), products(1, 0)
    # A negative frequency is the positive one with -sin.
    spectra = np.concatenate(
        [even - odd - 1j * (mixed + other), (even + odd - 1j * (mixed - other))[:, :0:-1]], 1
    )
    # The shifts count from the first pixel, not from the middle.
    to_top, to_left = (
        np.exp(-0.5j * (side - 1) * turns * count).astype(np.complex64)
        for side, count in zip(shape, (ROWS, COLUMNS), strict=True)
    )
    return spectra * to_top[:, :, None] * to_left[:, None]


def _half_waves(side: int, turns: np.ndarray) -> np.ndarray:
    """Cosines and sines of all frequencies about the middle of a side, in one half: (2, half, n, 17)."""
    places = np.arange((side + 1) // 2, dtype=np.float32) - np.float32(side - 1) / 2
    angles = np.multiply.outer(places, (turns * COLUMNS).astype(np.float32))
    return np.array([np.cos(angles), np.sin(angles)])


def _blur_at(scale: float) -> int:
    return int(BLUR * 2 ** round(np.log2(scale))) | 1


def _weighted(picture: np.ndarray, blur: int) -> np.ndarray:
    """What is left without slow and strong details, over its power around there (a matched filter)."""
    picture = picture.astype(np.float32)
    details = np.clip(picture - _box_blur(picture, blur), -LIMIT, LIMIT)
    return details / (_box_blur(details * details, blur) + FLOOR)


def _box_blur(picture: np.ndarray, side: int) -> np.ndarray:
    """The mean of side x side neighbours, side odd; the edge is repeated."""
    return _column_sums(_column_sums(picture, side).T, side).T / np.float32(side * side)


def _column_sums(picture: np.ndarray, side: int) -> np.ndarray:
    """Sums of `side` neighbours in every column, put together from runs of 1, 2, 4, 8 and so on."""
    run = np.pad(picture, ((side // 2, side // 2), (0, 0)), mode="edge")
    total, done = np.zeros_like(picture), 0
    for length in (1 << power for power in range(side.bit_length())):
        if side & length:
            total += run[done : done + len(picture)]
            done += length
        run = run[:-length] + run[length:]
    return total


def _even(spectra: np.ndarray) -> np.ndarray:
    """Spectra whose waves count alike: relative to those about as long, and at most 1.5 times as much."""
    ring, shares = _rings()
    power = _power(spectra)
    usual = np.sqrt(power.reshape(len(spectra), -1) @ shares)[:, ring] + 1e-12
    return spectra / np.maximum(usual, np.sqrt(power) / 1.5)


def _power(spectra: np.ndarray) -> np.ndarray:
    return spectra.real**2 + spectra.imag**2


@cache
def _rings() -> tuple[np.ndarray, np.ndarray]:
    """(33, 17) rounded frequency of every wave, and (561, n) what each adds to the mean of its ring."""
    ring = np.rint(np.hypot(ROWS[:, None], COLUMNS)).astype(int)
    member = ring.reshape(-1, 1) == np.arange(ring.max() + 1)
    return ring, (member / member.sum(0)).astype(np.float32)
