"""Statistics of a sound that goes on: from what was heard so far, starting from what is known before."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from .features import (
    HEARD_DB,
    LEAST_DEVIATION,
    LOUD,
    USUAL_MEAN,
    SoundStatistics,
    is_voiced,
    relative_energy,
    relative_log_mel,
    steady_energy,
)
from .histogram import Histogram
from .sound_frames import FLOOR_DB, MEL_BINS, RawSound

PER_SECOND = 50  # feature frames
QUIET_SHARE = 0.15  # of the frames that stand for what is known before
USUAL = SoundStatistics(
    -25.0, torch.full((MEL_BINS,), USUAL_MEAN), torch.ones(MEL_BINS), math.log2(150.0), -40.0
)


@dataclass(frozen=True)
class Adaptation:
    """How fast the statistics follow the sound.

    Attributes:
        memory: seconds of speech after which what was heard counts 1 / e.
        known: seconds of speech that statistics given at the start are worth.
        guessed: the same of the usual ones, where none are given.
        hold: seconds after the last voice in which the sound still counts as speech.
    """

    memory: float = 30.0
    known: float = 5.0
    guessed: float = 0.5
    hold: float = 1.0

    def __post_init__(self) -> None:
        for name in ("memory", "known", "guessed", "hold"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)}")


class RunningStatistics:
    """Causal `SoundStatistics`: changed only while somebody speaks, so that a pause is not taken for speech.

    Args:
        before: statistics of other sound of the same speaker and microphone, if there is any.
        adaptation: how fast they follow.
    """

    def __init__(self, before: SoundStatistics | None = None, adaptation: Adaptation | None = None) -> None:
        adaptation = adaptation or Adaptation()
        self._memory = adaptation.memory * PER_SECOND
        self._hold = round(adaptation.hold * PER_SECOND)
        weight = PER_SECOND * (adaptation.guessed if before is None else adaptation.known)
        known = before or USUAL
        self._loudness = Histogram(HEARD_DB - 50, 10.0, 0.25)
        self._loudness.add(torch.tensor([known.level]), (1 - QUIET_SHARE) * weight)
        self._loudness.add(torch.tensor([known.level + known.quiet]), QUIET_SHARE * weight)
        self._steady = Histogram(HEARD_DB - 70, 10.0, 0.25)
        self._steady.add(torch.tensor([known.level]), (1 - QUIET_SHARE) * weight)
        self._steady.add(torch.tensor([known.level + known.quiet]), QUIET_SHARE * weight)
        self._octaves = Histogram(5.5, 9.5, 0.02)
        self._octaves.add(torch.tensor([known.octave]), weight)
        mean = known.mean.double() + known.level / 10
        self._count, self._sum = weight, weight * mean
        self._squares = weight * (known.deviation.double().square() + mean.square())
        self._unvoiced = self._hold
        self.current = known

    def add(self, raw: RawSound) -> SoundStatistics:
        """Hears some more frames, best always the same number of them; gives what holds from now on."""
        level = self.current.level
        energy = relative_energy(raw, level)
        voiced = is_voiced(raw, energy)
        self._unvoiced = 0 if bool(voiced.any()) else self._unvoiced + len(raw)
        if self._unvoiced < self._hold and len(raw):
            self._fade(math.exp(-len(raw) / self._memory))
            self._loudness.add(raw.loudness)
            self._steady.add(steady_energy(energy) + level)
            self._octaves.add(raw.octaves[voiced])
            log_mel = (relative_log_mel(raw, level)[energy > LOUD] + level / 10).double()
            self._count += len(log_mel)
            self._sum = self._sum + log_mel.sum(dim=0)
            self._squares = self._squares + log_mel.square().sum(dim=0)
            self.current = self._statistics()
        return self.current

    def _fade(self, factor: float) -> None:
        self._loudness.fade(factor)
        self._steady.fade(factor)
        self._octaves.fade(factor)
        self._count, self._sum = self._count * factor, self._sum * factor
        self._squares = self._squares * factor

    def _statistics(self) -> SoundStatistics:
        level = self._loudness.mean_above(0.67, least=HEARD_DB)
        mean = self._sum / self._count
        deviation = (self._squares / self._count - mean.square()).clamp(min=0).sqrt()
        return SoundStatistics(
            level,
            (mean - level / 10).float(),
            deviation.float().clamp(min=LEAST_DEVIATION),
            self._octaves.quantile(0.5),
            max(self._steady.quantile(0.1) - level, FLOOR_DB),
        )
