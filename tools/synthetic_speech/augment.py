"""Makes clean synthetic sound like sound that people record: rooms, microphones, noise, codecs."""

from __future__ import annotations

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft
from scipy.signal import fftconvolve, resample_poly

SAMPLE_RATE = 16000


def change_speed(samples: np.ndarray, factor: float) -> np.ndarray:
    """Plays faster by `factor` (to 1 %): pitch and formants rise with it, as from a smaller person."""
    return resample_poly(samples, 100, round(100 * factor)).astype(np.float32)


def degrade(samples: np.ndarray, random: np.random.Generator, babble: np.ndarray | None = None) -> np.ndarray:
    """Random equaliser, room, noise, bandwidth, distortion and level.

    Args:
        samples: clean speech (n,), float32.
        random: draws everything.
        babble: other speech to mix in as background, any length.
    """
    out = _equalise(samples, random)
    if random.random() < 0.6:
        out = _room(out, random)
    if random.random() < 0.75:
        out = out + _noise(out, random, babble)
    if random.random() < 0.25:
        out = _band(out, random)
    if random.random() < 0.1:
        limit = float(np.abs(out).max()) * random.uniform(0.15, 0.6)
        out = np.clip(out, -limit, limit)
    if random.random() < 0.1:  # coarse quantisation after companding, as telephone codecs do
        peak = float(np.abs(out).max()) + 1e-6
        packed = np.sign(out) * np.log1p(255 * np.abs(out) / peak) / np.log(256)
        packed = np.round(packed * 64) / 64
        out = np.sign(packed) * (256 ** np.abs(packed) - 1) / 255 * peak
    return (out * 10 ** (random.uniform(-30, 0) / 20)).astype(np.float32)


def _filter(samples: np.ndarray, gain_db: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Zero-phase filter with the gain (dB) given at some frequencies (Hz)."""
    size = next_fast_len(samples.size, real=True)
    gain = 10 ** (
        np.interp(np.arange(1025) * (SAMPLE_RATE / 2048), at, gain_db) / 20
    )  # smooth: a coarse grid will do
    gain = np.interp(np.arange(size // 2 + 1) * (2048 / size), np.arange(1025), gain).astype(np.float32)
    return irfft(rfft(samples.astype(np.float32), size) * gain, size)[: samples.size]


def _equalise(samples: np.ndarray, random: np.random.Generator) -> np.ndarray:
    at = np.array([0, 100, 250, 500, 1000, 2000, 3500, 5000, 8000.0])
    tilt = random.normal(0, 2.0) * np.log2(np.maximum(at, 50) / 1000)
    return _filter(samples, tilt + random.normal(0, 3.5, at.size), at)


def _band(samples: np.ndarray, random: np.random.Generator) -> np.ndarray:
    low, high = random.uniform(20, 300), random.uniform(3000, 7500)
    return _filter(samples, np.array([-40, 0, 0, -60.0, -60]), np.array([0, low, high, high * 1.15, 9200]))


def _room(samples: np.ndarray, random: np.random.Generator) -> np.ndarray:
    seconds = random.uniform(0.1, 0.7)
    time = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    tail = random.normal(size=time.size) * 10 ** (-3 * time / seconds)
    tail[: int(0.002 * SAMPLE_RATE)] = 0
    tail *= 10 ** (random.uniform(-18, -2) / 20) / np.sqrt((tail**2).sum())
    tail[0] = 1
    return fftconvolve(samples.astype(np.float32), tail.astype(np.float32))[: samples.size]


def _noise(samples: np.ndarray, random: np.random.Generator, babble: np.ndarray | None) -> np.ndarray:
    if babble is not None and random.random() < 0.3:
        noise = np.resize(babble, samples.size).astype(np.float64)
    else:
        at = np.array([0, 125, 250, 500, 1000, 2000, 4000, 8000.0])
        colour = -random.uniform(0, 6) * np.log2(np.maximum(at, 60) / 125) + random.normal(0, 3, at.size)
        noise = _filter(random.standard_normal(samples.size, np.float32), colour, at)
    ratio = random.uniform(6, 45)
    return noise * np.sqrt((samples**2).mean() / ((noise**2).mean() + 1e-12)) * 10 ** (-ratio / 20)
