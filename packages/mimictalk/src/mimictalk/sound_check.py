"""Is there speech in a sound, and does it begin with the picture? Words for what is odd."""

from typing import TYPE_CHECKING

import numpy as np

from mimictalk.judgement import GO, WARN, Judgement

if TYPE_CHECKING:
    from talk_motion import AudioFeatures

VOICED_SHARE = 0.05  # of all frames; read speech is voiced in a third to a half of them
DIGITAL_SILENCE_DB = -75.0  # rooms and microphones hiss louder than this, even after AAC
LATE_SECONDS = 0.2
QUIET_DB = -40.0  # of full scale; five clips: -25 to -12
NOISY_DB = 15.0  # speech over what is heard between words; five clips: 22 to 50, the first in a noisy room


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


def judge_level(samples: np.ndarray) -> Judgement:
    """Judge how loud speech is, and how far above the noise.

    Args:
        samples: (n,) in [-1, 1] at 16 kHz.
    """
    import torch
    from torch.nn import functional as F

    from talk_motion.features import SoundStatistics
    from talk_motion.sound_frames import FRAME, MARGIN, measure

    rest = -len(samples) % FRAME
    sound = SoundStatistics.of(measure(F.pad(torch.from_numpy(samples).float(), (MARGIN, MARGIN + rest))))
    above = -sound.quiet
    numbers = {"level_db": round(sound.level, 1), "above_noise_db": round(above, 1)}
    found = f"{sound.level:.0f} dB, {above:.0f} dB above the noise"
    if sound.level < QUIET_DB:
        cure = "Bring the microphone nearer, or raise its level."
        return Judgement("speech level", WARN, f"the speech is very quiet: {found}", cure, numbers)
    if above < NOISY_DB:
        cure = "Record in a quieter room, or with the microphone nearer to the mouth."
        return Judgement("speech level", WARN, f"the speech is noisy: {found}", cure, numbers)
    return Judgement("speech level", GO, found, numbers=numbers)
