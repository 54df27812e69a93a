"""Features of sound that comes in pieces: the same frames as of the whole, in memory that does not grow."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from .features import (
    FEWEST,
    HEARD_DB,
    LEAST_DEVIATION,
    LOUD,
    USUAL_MEAN,
    AudioFeatures,
    SoundStatistics,
    is_voiced,
    median5,
    normalised,
    relative_energy,
    relative_log_mel,
    steady_energy,
)
from .histogram import Histogram
from .sound_frames import FLOOR_DB, FRAME, HOP, MARGIN, MEL_BINS, RawSound, as_wave, frame_energy, measure

Blocks = Callable[[], Iterable[np.ndarray]]  # opens a sound anew: blocks (n,) of its samples
NEAR = 2  # frames to each side that the running medians and means look at


class RawStream:
    """Measures 20 ms frames as soon as all their samples are there, and forgets the samples."""

    def __init__(self) -> None:
        self._wave = torch.zeros(MARGIN)  # from MARGIN before the first frame that is not measured yet
        self.samples = 0

    def push(self, samples: np.ndarray | Tensor) -> RawSound:
        """Frames that are final now, maybe none.

        Raises:
            InputError: not one channel, or not finite.
        """
        wave = as_wave(samples)
        self.samples += wave.numel()
        self._wave = torch.cat([self._wave, wave])
        count = max(0, self._wave.numel() - 2 * MARGIN) // HOP
        if not count:
            return RawSound.none()
        found = measure(self._wave[: count * HOP + 2 * MARGIN])
        self._wave = self._wave[count * HOP :].clone()
        return found

    def tail(self) -> RawSound:
        """The frames that are not final yet, as if the sound ended now: then a whole number of motion
        frames."""
        rest = self._wave.numel() - MARGIN
        missing = -self.samples % FRAME
        if not rest + missing:
            return RawSound.none()
        return measure(F.pad(self._wave, (0, missing + MARGIN)))


class FeatureStream:
    """`extract_features` for sound that comes in pieces, with statistics known before.

    Args:
        statistics: of the whole sound, see `statistics_of`.
    """

    def __init__(self, statistics: SoundStatistics) -> None:
        self._statistics = statistics
        self._raw = RawStream()
        self._held = RawSound.none()  # frames still to come out, after up to NEAR that were
        self._before = 0

    def push(self, samples: np.ndarray | Tensor) -> AudioFeatures:
        """Features that are final now, a whole number of motion frames."""
        self._held = RawSound.join([self._held, self._raw.push(samples)])
        ready = max(0, len(self._held) - self._before - NEAR) // 2 * 2
        return self._emit(ready)

    def finish(self) -> AudioFeatures:
        """The rest; the last motion frame is filled with silence."""
        self._held = RawSound.join([self._held, self._raw.tail()])
        return self._emit(len(self._held) - self._before)

    def _emit(self, count: int) -> AudioFeatures:
        if not count:
            return AudioFeatures.none()
        first = self._before
        found = normalised(self._held[slice(0, first + count + NEAR)], self._statistics)
        self._before = min(NEAR, first + count)
        self._held = self._held[slice(first + count - self._before, None)]
        return found.slice(first // 2, (first + count) // 2)


def statistics_of(blocks: Blocks) -> SoundStatistics:
    """Statistics of a sound of any length, read twice and never held: `SoundStatistics.of` in flat memory.

    Medians and quantiles are taken from fine histograms: the level is exact to 0.01 dB, the pitch to 1/200
    octave, `quiet` to 0.05 dB.

    Args:
        blocks: opens the sound anew at each call.

    Raises:
        InputError: samples that are not finite.
    """
    loudness = Histogram(HEARD_DB, 10.0, 0.02)
    rest = torch.zeros(0)
    for block in blocks():
        rest = torch.cat([rest, as_wave(block)])
        whole = len(rest) // HOP * HOP
        if whole:
            found = frame_energy(rest[:whole])
            loudness.add(found[found > HEARD_DB])
            rest = rest[whole:]
    level = loudness.mean_above(0.67) if loudness.total >= 3 else FLOOR_DB
    return _relative_to(level, blocks())


def _relative_to(level: float, blocks: Iterable[np.ndarray]) -> SoundStatistics:
    """The statistics that need the speech level."""
    count, total, squares = 0, torch.zeros(MEL_BINS).double(), torch.zeros(MEL_BINS).double()
    octaves, steady = Histogram(5.5, 9.5, 0.005), Histogram(FLOOR_DB - 1, 90.0, 0.05)
    held = RawSound.none()
    for raw in _frames(blocks):
        log_mel = relative_log_mel(raw, level)[relative_energy(raw, level) > LOUD].double()
        count, total, squares = (
            count + len(log_mel),
            total + log_mel.sum(0),
            squares + log_mel.square().sum(0),
        )
        held = RawSound.join([held, raw])
        if len(held) > 2 * NEAR:
            energy = relative_energy(held, level)
            inner = slice(NEAR, len(held) - NEAR)
            octaves.add(median5(held.octaves)[inner][is_voiced(held, energy)[inner]])
            steady.add(steady_energy(energy)[inner])
            held = held[slice(len(held) - 2 * NEAR, None)]
    octave = octaves.quantile(0.5) if octaves.total else 0.0
    quiet = steady.quantile(0.1) if steady.total else FLOOR_DB
    if count < FEWEST:
        return SoundStatistics(
            level, torch.full((MEL_BINS,), USUAL_MEAN), torch.ones(MEL_BINS), octave, quiet
        )
    mean = total / count
    deviation = ((squares / count - mean.square()).clamp(min=0) * count / (count - 1)).sqrt()
    return SoundStatistics(
        level, mean.float(), deviation.float().clamp(min=LEAST_DEVIATION), octave, max(quiet, FLOOR_DB)
    )


def _frames(blocks: Iterable[np.ndarray]) -> Iterator[RawSound]:
    stream = RawStream()
    for block in blocks:
        yield stream.push(block)
    yield stream.tail()
