"""Speech or not, and a beginning that somebody put there."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from mimictalk.sound_check import has_speech, late_start

RATE = 16000


def hiss(seconds: float, level_db: float, seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).standard_normal(round(seconds * RATE))
    return (noise * 10 ** (level_db / 20)).astype(np.float32)


@pytest.mark.parametrize(("silent", "wanted"), [(0.0, 0.0), (0.12, 0.0), (0.6, 0.6), (1.5, 1.48)])
def test_digital_silence_before_a_recording(silent, wanted):
    samples = np.concatenate([np.zeros(round(silent * RATE), np.float32), hiss(3, -55)])
    assert late_start(samples) == pytest.approx(wanted, abs=0.041)


def test_a_quiet_room_is_no_digital_silence():
    assert late_start(np.concatenate([hiss(1, -68), hiss(3, -20)])) == 0


def test_a_wholly_silent_sound_is_not_late():
    assert late_start(np.zeros(5 * RATE, np.float32)) == 0
    assert late_start(np.zeros(10, np.float32)) == 0


@pytest.mark.parametrize(("voiced", "speech"), [(0.0, False), (0.04, False), (0.3, True)])
def test_speech_is_a_voice_often_enough(voiced, speech):
    flags = torch.zeros(200)
    flags[: round(200 * voiced)] = 1
    assert has_speech(SimpleNamespace(voiced=flags)) is speech


def test_no_frames_are_no_speech():
    assert not has_speech(SimpleNamespace(voiced=torch.zeros(0)))


def test_with_real_features():
    features = pytest.importorskip("talk_motion.features")
    times = np.arange(3 * RATE) / RATE
    # A buzz at 120 Hz, switched at 4 Hz: voiced half of the time, as speech is.
    buzz = sum(np.sin(2 * np.pi * 120 * k * times) / k for k in range(1, 12)) * (
        np.sin(2 * np.pi * 4 * times) > 0
    )
    assert has_speech(features.extract_features((0.1 * buzz).astype(np.float32)))
    assert not has_speech(features.extract_features(hiss(3, -20)))
    assert not has_speech(features.extract_features(np.zeros(3 * RATE, np.float32)))
