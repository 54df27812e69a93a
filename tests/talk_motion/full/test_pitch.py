"""Pitch of sounds whose pitch is known, and its coarse steps by the formula."""

import math

import numpy as np
import pytest
import torch

from talk_motion.full.pitch import coarse_pitch, voice_pitch

RATE = 16000


def voice(hertz: np.ndarray, harmonics: int = 8) -> np.ndarray:
    """A voice-like tone of a pitch per sample."""
    phase = 2 * np.pi * np.cumsum(hertz) / RATE
    return 0.1 * sum(np.sin(k * phase) / k for k in range(1, harmonics))


@pytest.mark.parametrize("hertz", [90.0, 123.4, 220.0, 401.0, 600.0])
def test_a_steady_voice(hertz):
    pitch = voice_pitch(voice(np.full(RATE, hertz)), 25)
    assert pitch.shape == (50,)
    assert pitch.dtype == np.float32
    np.testing.assert_allclose(pitch[2:-2], hertz, rtol=3e-3)


def test_a_gliding_voice_is_followed_in_time():
    hertz = np.linspace(110, 240, RATE)
    pitch = voice_pitch(voice(hertz), 25)
    centres = (np.arange(50) * 320 + 160)[2:-2]
    np.testing.assert_allclose(pitch[2:-2], hertz[centres], rtol=0.01)


def test_a_missing_fundamental_is_found():
    time = np.arange(RATE) / RATE
    tone = sum(np.sin(2 * np.pi * 150 * k * time) for k in (3, 4, 5, 6))
    np.testing.assert_allclose(voice_pitch(0.1 * tone, 25)[3:-3], 150, rtol=5e-3)


def test_noise_and_silence_have_none():
    noise = np.random.default_rng(0).normal(0, 0.1, RATE)
    assert (voice_pitch(noise, 25) == 0).mean() > 0.9
    assert not voice_pitch(np.zeros(RATE), 25).any()
    speech = np.concatenate([voice(np.full(RATE // 2, 200.0)), 1e-5 * noise[: RATE // 2]])
    pitch = voice_pitch(speech, 25)
    assert (pitch[2:22] > 0).all()
    assert not pitch[28:].any()


@pytest.mark.parametrize(("samples", "frames"), [(1, 1), (639, 1), (641, 2), (5000, 3)])
def test_two_values_per_frame_whatever_the_length(samples, frames):
    assert voice_pitch(voice(np.full(samples, 200.0)), frames).shape == (2 * frames,)


def test_coarse_steps_are_equal_in_mel():
    """256 steps between 50 and 1100 Hz on the scale 1127 ln(1 + f / 700); 0 Hz is step 1."""
    low, high = (1127 * math.log(1 + hertz / 700) for hertz in (50, 1100))
    for step in (1, 2, 100, 200, 255):
        hertz = 700 * (math.exp((low + (step - 1) * (high - low) / 254) / 1127) - 1)
        assert coarse_pitch(torch.tensor([hertz])).item() == step
    assert coarse_pitch(torch.tensor([0.0, 20.0, 49.0, 1100.0, 5000.0])).tolist() == [1, 1, 1, 255, 255]
