"""What can be measured on 20 ms of sound by itself: power in mel bands, loudness, pitch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cache

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from .errors import InputError

SAMPLE_RATE = 16000
HOP = 320  # samples: 50 feature frames per second
FRAME = 2 * HOP  # samples of one motion frame at 25 fps
FFT = 512
MEL_BINS = 64
LOWEST, HIGHEST = 60.0, 7600.0  # Hz, range of the mel bank
PITCH_LOW, PITCH_HIGH = 65.0, 420.0  # Hz, range of human speech
FLOOR_DB = -60.0  # loudness below the speech level at which everything counts as silence
MARGIN = (FRAME - HOP) // 2  # samples on either side of its 20 ms that a feature frame hears


@dataclass(frozen=True)
class RawSound:
    """What is measured on each 20 ms, before anything is known of the clip.

    Attributes:
        power: power in the mel bands (T_a, 64).
        loudness: mean power in dB (T_a,).
        octaves: log2 of the likeliest pitch in Hz (T_a,).
        periodicity: how periodic the sound is at that pitch (T_a,), about 1 for a voice.
    """

    power: Tensor
    loudness: Tensor
    octaves: Tensor
    periodicity: Tensor

    def __len__(self) -> int:
        return self.power.shape[0]

    def __getitem__(self, part: slice) -> RawSound:
        return RawSound(*(getattr(self, f.name)[part] for f in fields(self)))

    @classmethod
    def none(cls) -> RawSound:
        """No frame at all."""
        nothing = torch.zeros(0)
        return cls(torch.zeros(0, MEL_BINS), nothing, nothing, nothing)

    @staticmethod
    def join(parts: Sequence[RawSound]) -> RawSound:
        """One after the other."""
        return RawSound(*(torch.cat([getattr(part, f.name) for part in parts]) for f in fields(RawSound)))


def as_wave(samples: np.ndarray | Tensor) -> Tensor:
    """Samples (n,) as float32.

    Raises:
        InputError: not one channel, or not finite.
    """
    wave = torch.as_tensor(np.asarray(samples), dtype=torch.float32)
    if wave.ndim != 1:
        cause = f"has shape {tuple(wave.shape)}"
        raise InputError("sound", cause, "Give one channel of at least one sample.")
    if not torch.isfinite(wave).all():
        raise InputError("sound", "holds numbers that are not finite", "Export the sound again.")
    return wave


def measure(wave: Tensor) -> RawSound:
    """Measures (n,) sound that has `MARGIN` more samples at either end: (n - 2 MARGIN) // 320 frames."""
    inner = (FFT - HOP) // 2
    near = wave[MARGIN - inner : wave.numel() - (MARGIN - inner)]
    return RawSound(_mel_power(near), frame_energy(wave[MARGIN : wave.numel() - MARGIN]), *_pitch(wave))


def mel_power(wave: Tensor) -> Tensor:
    """Power in 64 mel bands per 20 ms: (n,) -> (n // 320, 64). A full-scale sine has power 0.25 in its
    band."""
    return _mel_power(F.pad(wave, ((FFT - HOP) // 2, (FFT - HOP) // 2)))  # centre of frame: (j + .5) hop


def _mel_power(padded: Tensor) -> Tensor:
    window = torch.hann_window(FFT)
    spectrum = torch.stft(padded, FFT, HOP, window=window, center=False, return_complex=True)
    power = (spectrum.abs() / window.sum()) ** 2
    return power.T @ _mel_bank()


def frame_energy(wave: Tensor) -> Tensor:
    """Mean power of each 20 ms in dB: (n,) -> (n // 320,); a full-scale sine has -3 dB."""
    return 10 * torch.log10(wave.unfold(0, HOP, HOP).square().mean(-1) + 1e-12)


@cache
def _mel_bank() -> Tensor:
    """Triangles on the mel scale (257, 64), each with peak 1 (O'Shaughnessy: 2595 log10(1 + f/700))."""
    low, high = (2595 * math.log10(1 + f / 700) for f in (LOWEST, HIGHEST))
    edges = 700 * (10 ** (torch.linspace(low, high, MEL_BINS + 2) / 2595) - 1)
    bins = torch.linspace(0, SAMPLE_RATE / 2, FFT // 2 + 1)[:, None]
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    return torch.minimum(rising, falling).clamp(min=0)


def _pitch(padded: Tensor) -> tuple[Tensor, Tensor]:
    """Pitch by normalised autocorrelation of 40 ms windows (Boersma 1993, eq. 9).

    Returns:
        log2 of the likeliest pitch in Hz (T_a,); the height of its peak (T_a,).
    """
    size = 2 * FRAME
    windows = padded.unfold(0, FRAME, HOP)
    windows = windows - windows.mean(-1, keepdim=True)
    taper = torch.hann_window(FRAME)
    spectrum = torch.fft.rfft(windows * taper, size).abs() ** 2
    correlation = torch.fft.irfft(spectrum)
    taper_correlation = torch.fft.irfft(torch.fft.rfft(taper, size).abs() ** 2)
    low, high = int(SAMPLE_RATE / PITCH_HIGH), int(SAMPLE_RATE / PITCH_LOW)
    lags = torch.arange(low, high)
    usual = (taper_correlation / taper_correlation[0]).clamp(min=0.05)[low:high]
    strengths = correlation[:, low:high] / (correlation[:, :1] + 1e-9) / usual
    # A small preference for short lags keeps the pitch from falling an octave.
    periodicity, best = (strengths - 0.02 * torch.log2(lags / low)).max(dim=-1)
    return torch.log2(SAMPLE_RATE / lags[best].float()), periodicity
