"""What the motion model hears: log-mel, pitch, loudness and voicing, exactly two frames per motion frame."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from .errors import InputError
from .sound_frames import FLOOR_DB, FRAME, MARGIN, MEL_BINS, SAMPLE_RATE, RawSound, as_wave, measure

HEARD_DB = -70.0  # loudness of frames that count towards the speech level
LOUD = -25.0  # energy of frames that count towards mean and deviation of the mel bands
FEWEST, USUAL_MEAN, LEAST_DEVIATION = 10, -4.0, 0.3  # frames; of log mel where fewer are loud; at least


@dataclass(frozen=True)
class AudioFeatures:
    """Sound as the model hears it, 50 frames per second, normalised over the clip.

    Attributes:
        content: log-mel energies (T_a, 64), zero mean and unit deviation over the loud frames.
        pitch: octaves above the clip's median voice pitch (T_a,); 0 where unvoiced.
        energy: loudness in dB relative to the clip's speech level (T_a,), from -60 to about 10.
        voiced: 1 where a voice is heard, else 0 (T_a,).
    """

    content: Tensor
    pitch: Tensor
    energy: Tensor
    voiced: Tensor

    def __post_init__(self) -> None:
        length = self.content.shape[0]
        if length % 2 or any(x.shape != (length,) for x in (self.pitch, self.energy, self.voiced)):
            shapes = [tuple(x.shape) for x in (self.content, self.pitch, self.energy, self.voiced)]
            raise ValueError(f"need an even number of frames, the same in every part, got {shapes}")

    @property
    def frames(self) -> int:
        """Number of motion frames (25 fps)."""
        return self.content.shape[0] // 2

    def slice(self, start: int, stop: int) -> AudioFeatures:
        """The part that belongs to motion frames [start, stop)."""
        at = slice(2 * start, 2 * stop)
        return AudioFeatures(self.content[at], self.pitch[at], self.energy[at], self.voiced[at])

    @classmethod
    def none(cls) -> AudioFeatures:
        """No frame at all."""
        nothing = torch.zeros(0)
        return cls(torch.zeros(0, MEL_BINS), nothing, nothing, nothing)

    @staticmethod
    def join(parts: Sequence[AudioFeatures]) -> AudioFeatures:
        """One after the other."""
        return AudioFeatures(
            *(torch.cat([getattr(part, f.name) for part in parts]) for f in fields(parts[0]))
        )

    def stack(self) -> Tensor:
        """All features side by side (T_a, 67), each of about unit size: the input of the networks."""
        extra = torch.stack([2 * self.pitch, self.energy / 20 + 1, self.voiced], dim=-1)
        return torch.cat([self.content, extra], dim=-1)


@dataclass(frozen=True)
class SoundStatistics:
    """What is taken out of a clip: its level, its microphone and the pitch of its voice.

    Attributes:
        level: of the speech in dB.
        mean, deviation: (64,) of log10 mel power relative to the level, over the loud frames.
        octave: log2 of the median pitch in Hz.
        quiet: energy in dB relative to the level that a tenth of the moments (0.1 s) do not reach.
    """

    level: float
    mean: Tensor
    deviation: Tensor
    octave: float
    quiet: float

    @classmethod
    def of(cls, raw: RawSound) -> SoundStatistics:
        """Measures a whole clip."""
        level = speech_level(raw.loudness)
        energy = relative_energy(raw, level)
        log_mel = relative_log_mel(raw, level)[energy > LOUD]
        if len(log_mel) >= FEWEST:
            mean, deviation = log_mel.mean(dim=0), log_mel.std(dim=0).clamp(min=LEAST_DEVIATION)
        else:
            mean, deviation = torch.full((MEL_BINS,), USUAL_MEAN), torch.ones(MEL_BINS)
        octaves = median5(raw.octaves)[is_voiced(raw, energy)]
        octave = float(octaves.median()) if len(octaves) else 0.0
        return cls(level, mean, deviation, octave, float(steady_energy(energy).quantile(0.1)))


def extract_features(
    samples: np.ndarray | Tensor,
    sample_rate: int = SAMPLE_RATE,
    frames: int | None = None,
    statistics: SoundStatistics | None = None,
) -> AudioFeatures:
    """Measures the features of a whole clip.

    Feature frame j is centred at (j + 0.5) * 20 ms, so frames 2k and 2k + 1 cover motion frame k. Loudness
    and channel (microphone, equaliser) are taken out by normalising over the frames that hold speech.

    Args:
        samples: mono sound (n,) in [-1, 1].
        sample_rate: must be 16000 (as `load_audio` gives).
        frames: number of motion frames wanted; the sound is cut or padded with silence. Default: as many as
            hold all of it.
        statistics: what to normalise by; default: those of this very clip.

    Returns:
        Features of 2 * frames feature frames.

    Raises:
        InputError: wrong rate, no samples, or samples that are not finite.
    """
    if sample_rate != SAMPLE_RATE:
        raise InputError(
            "sound", f"sampled at {sample_rate} Hz", f"Load it with load_audio(path, {SAMPLE_RATE})."
        )
    wave = as_wave(samples)
    if wave.numel() == 0:
        raise InputError("sound", "has shape (0,)", "Give one channel of at least one sample.")
    frames = math.ceil(wave.numel() / FRAME) if frames is None else frames
    if frames < 1:
        raise InputError("frames", f"{frames} motion frames asked for", "Ask for at least 1.")
    wave = F.pad(wave, (0, max(0, frames * FRAME - wave.numel())))[: frames * FRAME]
    raw = measure(F.pad(wave, (MARGIN, MARGIN)))
    return normalised(raw, statistics or SoundStatistics.of(raw))


def normalised(raw: RawSound, statistics: SoundStatistics) -> AudioFeatures:
    """Features of an even number of frames, relative to a clip's statistics."""
    energy = relative_energy(raw, statistics.level)
    log_mel = relative_log_mel(raw, statistics.level)
    content = ((log_mel - statistics.mean) / statistics.deviation).clamp(-6, 6)
    voiced = median5(is_voiced(raw, energy).float())
    pitch = (median5(raw.octaves) - statistics.octave).clamp(-1.5, 1.5)
    return AudioFeatures(content, torch.where(voiced > 0, pitch, torch.zeros(())), energy, voiced)


def speech_level(loudness: Tensor) -> float:
    """Level of the speech in dB: mean over the loudest third of the frames above -70 dB; -60 when none is."""
    loud = loudness[loudness > HEARD_DB]
    if loud.numel() < 3:
        return FLOOR_DB
    return float(loud[loud >= loud.quantile(0.67)].mean())


def relative_energy(raw: RawSound, level: float) -> Tensor:
    """Loudness in dB relative to the speech level, at least -60."""
    return (raw.loudness - level).clamp(min=FLOOR_DB)


def relative_log_mel(raw: RawSound, level: float) -> Tensor:
    """Log10 of the mel power relative to the speech level, floored 60 dB below it."""
    return torch.log10(raw.power / 10 ** (level / 10) + 1e-6)


def is_voiced(raw: RawSound, energy: Tensor) -> Tensor:
    """Frames (T_a,) that are periodic and not too soft."""
    return (raw.periodicity > 0.5) & (energy > -30)


def steady_energy(energy: Tensor) -> Tensor:
    """Mean over 0.1 s around each frame, ends repeated."""
    return F.avg_pool1d(F.pad(energy[None, None], (2, 2), mode="replicate"), 5, 1)[0, 0]


def median5(x: Tensor) -> Tensor:
    """Running median of 5 frames, ends repeated."""
    padded = torch.cat([x[:1].expand(2), x, x[-1:].expand(2)])
    return padded.unfold(0, 5, 1).median(dim=-1).values
