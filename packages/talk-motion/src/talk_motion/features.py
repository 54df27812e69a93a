"""What the motion model hears: log-mel, pitch, loudness and voicing, exactly two frames per motion frame."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from torch import Tensor

from .errors import InputError

SAMPLE_RATE = 16000
HOP = 320  # samples: 50 feature frames per second
FRAME = 2 * HOP  # samples of one motion frame at 25 fps
FFT = 512
MEL_BINS = 64
LOWEST, HIGHEST = 60.0, 7600.0  # Hz, range of the mel bank
PITCH_LOW, PITCH_HIGH = 65.0, 420.0  # Hz, range of human speech
FLOOR_DB = -60.0  # loudness below the speech level at which everything counts as silence


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

    def stack(self) -> Tensor:
        """All features side by side (T_a, 67), each of about unit size: the input of the networks."""
        extra = torch.stack([2 * self.pitch, self.energy / 20 + 1, self.voiced], dim=-1)
        return torch.cat([self.content, extra], dim=-1)


def extract_features(
    samples: np.ndarray | Tensor, sample_rate: int = SAMPLE_RATE, frames: int | None = None
) -> AudioFeatures:
    """Measures the features of a whole clip.

    Feature frame j is centred at (j + 0.5) * 20 ms, so frames 2k and 2k + 1 cover motion frame k. Loudness
    and channel (microphone, equaliser) are taken out by normalising over the frames that hold speech.

    Args:
        samples: mono sound (n,) in [-1, 1].
        sample_rate: must be 16000 (as `load_audio` gives).
        frames: number of motion frames wanted; the sound is cut or padded with silence. Default: as many as
            hold all of it.

    Returns:
        Features of 2 * frames feature frames.

    Raises:
        InputError: wrong rate, no samples, or samples that are not finite.
    """
    wave = torch.as_tensor(np.asarray(samples), dtype=torch.float32)
    if sample_rate != SAMPLE_RATE:
        raise InputError(
            "sound", f"sampled at {sample_rate} Hz", f"Load it with load_audio(path, {SAMPLE_RATE})."
        )
    if wave.ndim != 1 or wave.numel() == 0:
        raise InputError(
            "sound", f"has shape {tuple(wave.shape)}", "Give one channel of at least one sample."
        )
    if not torch.isfinite(wave).all():
        raise InputError("sound", "holds numbers that are not finite", "Export the sound again.")
    frames = math.ceil(wave.numel() / FRAME) if frames is None else frames
    if frames < 1:
        raise InputError("frames", f"{frames} motion frames asked for", "Ask for at least 1.")
    wave = torch.nn.functional.pad(wave, (0, max(0, frames * FRAME - wave.numel())))[: frames * FRAME]
    power = mel_power(wave)
    loudness = frame_energy(wave)
    level = speech_level(loudness)
    energy = (loudness - level).clamp(min=FLOOR_DB)
    pitch, voiced = _voice(wave, energy)
    return AudioFeatures(_normalise(power, level, energy), pitch, energy, voiced)


def mel_power(wave: Tensor) -> Tensor:
    """Power in 64 mel bands per 20 ms: (n,) -> (n // 320, 64). A full-scale sine has power 0.25 in its
    band."""
    window = torch.hann_window(FFT)
    padded = torch.nn.functional.pad(
        wave, ((FFT - HOP) // 2, (FFT - HOP) // 2)
    )  # centre of frame: (j + .5) hop
    spectrum = torch.stft(padded, FFT, HOP, window=window, center=False, return_complex=True)
    power = (spectrum.abs() / window.sum()) ** 2
    return power.T @ _mel_bank()


def frame_energy(wave: Tensor) -> Tensor:
    """Mean power of each 20 ms in dB: (n,) -> (n // 320,); a full-scale sine has -3 dB."""
    return 10 * torch.log10(wave.unfold(0, HOP, HOP).square().mean(-1) + 1e-12)


def speech_level(loudness: Tensor) -> float:
    """Level of the speech in dB: mean over the loudest third of the frames above -70 dB; -60 when none is."""
    loud = loudness[loudness > -70]
    if loud.numel() < 3:
        return -60.0
    return float(loud[loud >= loud.quantile(0.67)].mean())


@cache
def _mel_bank() -> Tensor:
    """Triangles on the mel scale (257, 64), each with peak 1 (O'Shaughnessy: 2595 log10(1 + f/700))."""
    low, high = (2595 * math.log10(1 + f / 700) for f in (LOWEST, HIGHEST))
    edges = 700 * (10 ** (torch.linspace(low, high, MEL_BINS + 2) / 2595) - 1)
    bins = torch.linspace(0, SAMPLE_RATE / 2, FFT // 2 + 1)[:, None]
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    return torch.minimum(rising, falling).clamp(min=0)


def _normalise(power: Tensor, level: float, energy: Tensor) -> Tensor:
    """Log-mel relative to the speech level, floored 50 dB below it, then whitened over loud frames."""
    log_mel = torch.log10(power / 10 ** (level / 10) + 1e-6)
    loud = energy > -25
    if int(loud.sum()) < 10:
        return (log_mel + 4.0) / 1.0  # nothing to normalise by: the usual mean and deviation of speech
    mean = log_mel[loud].mean(dim=0)
    deviation = log_mel[loud].std(dim=0).clamp(min=0.3)
    return ((log_mel - mean) / deviation).clamp(-6, 6)


def _voice(wave: Tensor, energy: Tensor) -> tuple[Tensor, Tensor]:
    """Pitch by normalised autocorrelation of 40 ms windows (Boersma 1993, eq. 9), then a median of 5.

    Returns:
        pitch in octaves above the median (T_a,), 0 where unvoiced; voiced flag (T_a,).
    """
    size = 2 * FRAME
    padded = torch.nn.functional.pad(wave, ((FRAME - HOP) // 2, size))
    windows = padded.unfold(0, FRAME, HOP)[: energy.numel()]
    windows = windows - windows.mean(-1, keepdim=True)
    taper = torch.hann_window(FRAME)
    spectrum = torch.fft.rfft(windows * taper, size).abs() ** 2
    correlation = torch.fft.irfft(spectrum)
    taper_correlation = torch.fft.irfft(torch.fft.rfft(taper, size).abs() ** 2)
    normalised = (
        correlation / (correlation[:, :1] + 1e-9) / (taper_correlation / taper_correlation[0]).clamp(min=0.05)
    )
    low, high = int(SAMPLE_RATE / PITCH_HIGH), int(SAMPLE_RATE / PITCH_LOW)
    lags = torch.arange(low, high)
    # A small preference for short lags keeps the pitch from falling an octave.
    strength, best = (normalised[:, low:high] - 0.02 * torch.log2(lags / low)).max(dim=-1)
    voiced = (strength > 0.5) & (energy > -30)
    octaves = torch.log2(SAMPLE_RATE / lags[best].float())
    octaves = _median5(octaves)
    centre = octaves[voiced].median() if bool(voiced.any()) else torch.tensor(0.0)
    flags = _median5(voiced.float())
    return torch.where(flags > 0, (octaves - centre).clamp(-1.5, 1.5), torch.zeros(())), flags


def _median5(x: Tensor) -> Tensor:
    """Running median of 5 frames, ends repeated."""
    padded = torch.cat([x[:1].expand(2), x, x[-1:].expand(2)])
    return padded.unfold(0, 5, 1).median(dim=-1).values
