"""An imperceptible mark in the picture itself: it says "made by mimictalk" and carries 64 bits.

Spread spectrum (Cox et al. 1997) on a periodic grid: a pattern of 128 x 128 pixels, the sum of 352 waves, is
laid over every frame like tiles and added to its brightness. A quarter of the waves has known phases, which
show a detector where the tiles lie and how large they have become; the phases of the others carry the code
word of `watermark_code`, one bit in the real and one in the imaginary part. See docs/watermark.md.

Order and phases are derived from sha256, so that a detector of any version and language finds the same waves.
"""

import hashlib
from dataclasses import dataclass
from functools import cache

import numpy as np

from mimictalk import watermark_code

TILE = 128  # pixels
SLOWEST, FASTEST = 5, 16  # waves per tile: 8 to 26 pixels long; video codecs take away shorter ones first
STRENGTH = 1.4  # grey levels, root mean square
GAINS = (0.8, 1.35)  # in smooth and in busy blocks; 1.35 * 1.4 levels leave 42.5 dB in the worst picture
BLOCK = 16
BUSY = 8.0  # mean grey-level step between neighbouring pixels at which the upper gain is reached
KNOWN_GAIN = 1.2  # of the waves with known phases


@dataclass(frozen=True)
class Waves:
    """Which waves of the tile are used: places in the half spectrum that `numpy.fft.rfft2` gives.

    Attributes:
        known: (n, 2) rows and columns of the waves with known phases.
        phases: (n,) complex, their phases.
        data: (258, 2) rows and columns of the waves that carry the code word.
    """

    known: np.ndarray
    phases: np.ndarray
    data: np.ndarray


@cache
def waves() -> Waves:
    """The waves of this watermark, in an order that sha256 shuffles."""
    found = []
    for kx in range(1, FASTEST + 1):
        for ky in range(-FASTEST, FASTEST + 1):
            if SLOWEST**2 <= kx * kx + ky * ky <= FASTEST**2:
                digest = hashlib.sha256(f"mimictalk watermark 1: {kx} {ky}".encode()).digest()
                found.append((digest, ky % TILE, kx))
    found.sort()
    places = np.array([place for _, *place in found])
    quarter = np.array([digest[0] & 3 for digest, *_ in found])
    count = watermark_code.LENGTH // 2
    phases = np.exp(1j * np.pi * (quarter[count:] / 2 + 0.25))
    return Waves(places[count:], phases, places[:count])


def tile(payload: int) -> np.ndarray:
    """One period of the pattern, (128, 128) float32, root mean square 1."""
    used, word = waves(), watermark_code.encode(payload)
    spectrum = np.zeros((TILE, TILE // 2 + 1), complex)
    spectrum[tuple(used.known.T)] = KNOWN_GAIN * used.phases
    spectrum[tuple(used.data.T)] = (word[0::2] + 1j * word[1::2]) / np.sqrt(2)
    # Pictures have more of the slow waves, codecs leave more of them: they get a little more strength.
    rows, columns = np.nonzero(spectrum)
    frequency = np.hypot(np.where(rows > TILE // 2, rows - TILE, rows), columns)
    spectrum[rows, columns] /= np.sqrt(frequency)
    pattern = np.fft.irfft2(spectrum, (TILE, TILE))
    return (pattern / pattern.std()).astype(np.float32)


class Watermark:
    """Puts one payload into frames of one size.

    Args:
        payload: 0 to 2**64 - 1.
        size: (width, height) of the frames, multiples of 16.
    """

    def __init__(self, payload: int, size: tuple[int, int] = (512, 512)) -> None:
        width, height = size
        if width % BLOCK or height % BLOCK or min(size) < BLOCK:
            raise ValueError(f"frames must measure multiples of {BLOCK} pixels, got {width} x {height}")
        repeats = (-(-height // TILE), -(-width // TILE))
        pattern = STRENGTH * np.tile(tile(payload), repeats)[:height, :width]
        self._blocks = pattern.reshape(height // BLOCK, BLOCK, width // BLOCK, BLOCK)
        self._shape = (height, width, 3)

    def embed(self, frame: np.ndarray) -> np.ndarray:
        """The frame with the mark: (height, width, 3) uint8 RGB in and out; the input is not changed.

        Raises:
            ValueError: If shape or type is wrong.
        """
        if frame.shape != self._shape or frame.dtype != np.uint8:
            raise ValueError(f"a frame must be {self._shape} uint8, got {frame.shape} {frame.dtype}")
        added = np.rint(self._blocks * self._gain(frame)[:, None, :, None]).astype(np.int16)
        marked = frame + added.reshape(*self._shape[:2], 1)
        return np.clip(marked, 0, 255, out=marked).astype(np.uint8)

    def _gain(self, frame: np.ndarray) -> np.ndarray:
        """(height / 16, width / 16): more where neighbouring pixels differ and hide it."""
        green = frame[::2, :, 1].astype(np.int16)
        steps = np.abs(green[:, 1::2] - green[:, ::2])
        rows, columns = self._blocks.shape[0], self._blocks.shape[2]
        busy = steps.reshape(rows, BLOCK // 2, columns, BLOCK // 2).mean((1, 3), dtype=np.float32) / BUSY
        low, high = GAINS
        return low + (high - low) * np.minimum(busy, 1)
