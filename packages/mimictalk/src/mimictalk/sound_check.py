"""Is there speech in a sound, and does it begin with the picture? Words for what is odd."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from talk_motion import AudioFeatures

VOICED_SHARE = 0.05  # of all frames; read speech is voiced in a third to a half of them
DIGITAL_SILENCE_DB = -75.0  # rooms and microphones hiss louder than this, even after AAC
LATE_SECONDS = 0.2


def has_speech(features: "AudioFeatures") -> bool:
    """Whether enough of a sound has a voice's pitch to learn a talking style from it."""
    voiced = np.asarray(features.voiced, dtype=float)
    return voiced.size > 0 and float(np.mean(voiced > 0.5)) >= VOICED_SHARE


def late_start(samples: np.ndarray, sample_rate: int = 16000) -> float:
    """Seconds of digital silence before a sound that has none later on.

    A recording hisses from its first sample; a beginning without any signal was put there afterwards, most
    often because the sound came late.

    Args:
        samples: (n,) float32 in [-1, 1].
        sample_rate: In Hz.

    Returns:
        Length of the silent beginning in seconds; 0 if it is under 0.2 s or the whole sound is silent.
    """
    block = sample_rate // 25
    blocks = samples[: len(samples) // block * block].reshape(-1, block).astype(np.float64)
    level = 10 * np.log10(np.mean(np.square(blocks), axis=1) + 1e-12)
    heard = np.flatnonzero(level > DIGITAL_SILENCE_DB)
    if not len(heard):
        return 0.0
    seconds = float(heard[0]) * block / sample_rate
    return seconds if seconds >= LATE_SECONDS else 0.0
