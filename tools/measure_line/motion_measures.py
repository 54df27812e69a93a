"""Compare movements: landmarks, and mouth openings over time. NaN marks a frame without a face."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from measure_line.clips import FPS

Values = NDArray[np.float64]
MOST_LAG = 2  # frames that sound and mouth may be apart without being seen as out of step
SEARCHED_LAG = 12  # frames searched for the best agreement


@dataclass(frozen=True)
class Agreement:
    """How a curve follows the true one.

    Attributes:
        correlation: Best correlation within +-2 frames.
        at_zero: Correlation without any shift.
        lag: Shift with the best correlation within +-12 frames; positive when the curve comes late.
    """

    correlation: float
    at_zero: float
    lag: int


def landmark_distance(true: Values, output: Values, scale: float = 1.0) -> float:
    """Return the mean distance of all landmarks, in pixels times `scale`; (T, K, 2) each."""
    return float(np.nanmean(np.linalg.norm(true - output, axis=-1)) * scale)


def correlation(a: Values, b: Values) -> float:
    """Return Pearson's correlation of two (T,) curves over the frames that both have; 0 for a flat curve."""
    known = np.isfinite(a) & np.isfinite(b)
    if known.sum() < 3:
        return float("nan")
    a, b = a[known] - a[known].mean(), b[known] - b[known].mean()
    scale = np.sqrt((a**2).sum() * (b**2).sum())
    return float((a * b).sum() / scale) if scale > 1e-12 else 0.0


def shifted(curve: Values, true: Values, lag: int) -> float:
    """Return the correlation of the true curve at t with `curve` at t + lag."""
    if lag >= 0:
        return correlation(curve[lag:], true[: len(true) - lag])
    return correlation(curve[:lag], true[-lag:])


def agreement(curve: Values, true: Values) -> Agreement:
    """Compare a curve with the true one at every shift up to 12 frames; the longer one is cut at its end.

    Args:
        curve: (T1,) mouth opening to judge.
        true: (T2,) true mouth opening.
    """
    length = min(len(curve), len(true))
    curve, true = curve[:length], true[:length]
    by_lag = {lag: shifted(curve, true, lag) for lag in range(-SEARCHED_LAG, SEARCHED_LAG + 1)}
    known = {lag: value for lag, value in by_lag.items() if np.isfinite(value)}
    if not known:
        return Agreement(float("nan"), float("nan"), 0)
    near = [value for lag, value in known.items() if abs(lag) <= MOST_LAG]
    best = max(known, key=lambda lag: (known[lag], -abs(lag)))
    return Agreement(max(near, default=float("nan")), by_lag[0], best)


def speaking_range(opening: Values) -> tuple[float, float]:
    """Return the 5th and 95th percentile of the mouth opening of someone who speaks."""
    low, high = np.nanpercentile(opening, [5, 95])
    return float(low), float(high)


def aperture(opening: Values, low: float, high: float) -> float:
    """Return how far a mouth stands open on average, as a share of the speaking range.

    Frames more closed than the low end count as closed: a tight mouth must not make up for an open one.
    """
    return float(np.nanmean(np.clip(opening - low, 0, None)) / max(high - low, 1e-9))


def energy_envelope(sound: NDArray[np.float32], sample_rate: int, frames: int) -> Values:
    """Return the loudness in dB around each frame: the simplest guess at a mouth opening.

    Args:
        sound: (n,) mono.
        sample_rate: In hertz.
        frames: How many frames of 1/25 s to describe.

    Returns:
        (frames,) dB, from 40 ms windows; silence beyond the end.
    """
    step = sample_rate // FPS
    padded = np.zeros(frames * step)
    used = min(len(sound), len(padded))
    padded[:used] = sound[:used]
    return 10 * np.log10((padded.reshape(frames, step) ** 2).mean(axis=1) + 1e-6)
