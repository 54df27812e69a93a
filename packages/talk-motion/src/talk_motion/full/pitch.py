"""Voice pitch in Hz as the published models were trained on, and its coarse steps.

The published features come from Praat's autocorrelation method with a floor of 80 Hz, a ceiling of 750 Hz and
a voicing threshold of 0.6, one value per 20 ms. This is that method from its paper (Boersma 1993, "Accurate
short-term analysis of the fundamental frequency ..."), with the paper's costs; Praat itself is under the GPL.
"""

import math

import numpy as np
import torch
from torch import Tensor

RATE, HOP = 16000, 320
FLOOR, CEILING = 80.0, 750.0  # Hz
WINDOW = 3 * RATE // int(FLOOR)  # three periods of the lowest voice
CANDIDATES = 14  # besides "unvoiced"
SILENCE, VOICING = 0.03, 0.6
OCTAVE, JUMP, SWITCH = 0.01, 0.35, 0.14  # costs; the last two are per 10 ms
BLOCK = 2048  # frames looked at together
COARSE_LOW, COARSE_HIGH, COARSE_STEPS = 50.0, 1100.0, 256  # Hz, Hz, number


def coarse_pitch(pitch: Tensor) -> Tensor:
    """Hz to rows of the pitch table: 1 for unvoiced and up to 50 Hz, 255 from 1100 Hz on, equal steps in mel.

    Args:
        pitch: any shape, >= 0.

    Returns:
        int64 in [1, 255], same shape.
    """
    low, high = (1127 * math.log(1 + hz / 700) for hz in (COARSE_LOW, COARSE_HIGH))
    mel = 1127 * torch.log1p(pitch / 700)
    place = 1 + (mel - low) * (COARSE_STEPS - 2) / (high - low)
    return (place.clamp(1, COARSE_STEPS - 1) + 0.5).long()


def voice_pitch(samples: np.ndarray, frames: int) -> np.ndarray:
    """Pitch of a clip by normalised autocorrelation and the cheapest path through its candidates.

    Args:
        samples: (n,) at 16 kHz.
        frames: number of motion frames.

    Returns:
        Hz (2 frames,) float32, 0 where unvoiced. Value j belongs to the 20 ms from j * 20 ms on.
    """
    count = 2 * frames
    before = (WINDOW - HOP) // 2
    wave = np.zeros(before + count * HOP + WINDOW)
    given = np.asarray(samples, np.float64)[: count * HOP]
    wave[before : before + given.size] = given
    peak = np.abs(given - given.mean()).max() if given.size else 0.0
    if peak == 0:
        return np.zeros(count, np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(wave, WINDOW)[::HOP][:count]
    parts = [_candidates(windows[at : at + BLOCK], peak) for at in range(0, count, BLOCK)]
    hertz, strength = (np.concatenate(part) for part in zip(*parts, strict=True))
    return _cheapest(hertz, strength).astype(np.float32)


def _candidates(windows: np.ndarray, peak: float) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies and strengths (T, 1 + CANDIDATES) of each window; column 0 is "unvoiced", of 0 Hz.

    Boersma 1993: eq. 9 for the correlation, and the strengths of candidates as the paper defines them.
    """
    windows = windows - windows.mean(1, keepdims=True)
    taper = np.hanning(WINDOW + 2)[1:-1]
    size = 2 ** math.ceil(math.log2(2 * WINDOW))
    correlation = _autocorrelation(windows * taper, size) / np.maximum(
        _autocorrelation(taper[None], size), 1e-9
    )
    correlation = correlation / np.maximum(correlation[:, :1], 1e-12)
    lags = np.arange(math.floor(RATE / CEILING), math.ceil(RATE / FLOOR) + 1)
    left, here, right = (correlation[:, lags + offset] for offset in (-1, 0, 1))
    is_peak = (here > left) & (here >= right) & (here > 0.5 * VOICING)
    bend = np.where(is_peak, left - 2 * here + right, -1.0)
    offset = np.where(is_peak, 0.5 * (left - right) / bend, 0.0)
    height = np.minimum(here - 0.25 * (left - right) * offset, 1.0)
    hertz = RATE / (lags + offset)
    is_peak &= (hertz >= FLOOR) & (hertz <= CEILING)
    strength = np.where(is_peak, height + OCTAVE * np.log2(hertz / FLOOR), -np.inf)
    best = np.argsort(-strength, axis=1, kind="stable")[:, :CANDIDATES]
    loudness = np.abs(windows).max(1) / peak
    unvoiced = VOICING + np.maximum(0, 2 - loudness / (SILENCE / (1 + VOICING)))
    return (
        np.column_stack([np.zeros(len(windows)), np.take_along_axis(hertz, best, 1)]),
        np.column_stack([unvoiced, np.take_along_axis(strength, best, 1)]),
    )


def _autocorrelation(rows: np.ndarray, size: int) -> np.ndarray:
    return np.fft.irfft(np.abs(np.fft.rfft(rows, size)) ** 2, size)


def _cheapest(hertz: np.ndarray, strength: np.ndarray) -> np.ndarray:
    """The path with the greatest strength less the cost of its changes (Boersma 1993)."""
    scale = 0.01 * RATE / HOP  # costs are given for steps of 10 ms
    octaves = np.log2(np.maximum(hertz, 1))
    voiced = hertz > 0
    score, came_from = strength[0], []
    for before, now in zip(range(len(hertz) - 1), range(1, len(hertz)), strict=True):
        both = voiced[before][:, None] & voiced[now]
        jump = JUMP * np.abs(octaves[before][:, None] - octaves[now])
        change = np.where(both, jump, SWITCH * (voiced[before][:, None] != voiced[now]))
        reached = score[:, None] - scale * change
        came_from.append(reached.argmax(0))
        score = reached.max(0) + strength[now]
    chosen = [int(score.argmax())]
    for step in reversed(came_from):
        chosen.append(int(step[chosen[-1]]))
    return hertz[np.arange(len(hertz)), chosen[::-1]]
