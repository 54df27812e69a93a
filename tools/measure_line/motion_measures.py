"""Compare movements: landmarks, and mouth openings over time. NaN marks a frame without a face."""

import numpy as np
from numpy.typing import NDArray

from face3dmm.metrics import MOST_LAG, Agreement, agreement, correlation
from face3dmm.metrics import average_keypoint_distance as landmark_distance
from measure_line.clips import FPS

__all__ = [
    "MOST_LAG",
    "Agreement",
    "agreement",
    "aperture",
    "correlation",
    "energy_envelope",
    "landmark_distance",
    "speaking_range",
]

Values = NDArray[np.float64]


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
