"""Features against values worked by hand, and their promise of two frames per picture."""

import math

import numpy as np
import pytest
import torch

from talk_motion import AudioFeatures, InputError, extract_features
from talk_motion.features import speech_level
from talk_motion.sound_frames import HIGHEST, LOWEST, MEL_BINS, _mel_bank, frame_energy, mel_power


def sine(frequency: float, seconds: float = 1.0, amplitude: float = 1.0) -> torch.Tensor:
    return amplitude * torch.sin(2 * math.pi * frequency * torch.arange(int(seconds * 16000)) / 16000)


def test_power_of_a_sine_is_a_quarter_in_the_band_it_falls_in() -> None:
    # A sine of amplitude 1 at the centre of an FFT bin has spectrum |X| = sum(window) / 2, so power 1/4 in
    # that bin and, with a Hann window, (1/2)^2 of it in each neighbour; the mel triangles weigh the three.
    frequency = 32 * 16000 / 512
    power = mel_power(sine(frequency))[20]
    bank = _mel_bank()
    by_hand = 0.25 * (bank[32] + 0.25 * (bank[31] + bank[33]))
    torch.testing.assert_close(power, by_hand, rtol=1e-3, atol=1e-5)
    low, high = (2595 * math.log10(1 + f / 700) for f in (LOWEST, HIGHEST))
    mel = 2595 * math.log10(1 + frequency / 700)
    nearest = round((mel - low) / (high - low) * (MEL_BINS + 1)) - 1
    assert int(power.argmax()) == nearest


def test_energy_of_a_full_sine_is_minus_three_decibels() -> None:
    assert frame_energy(sine(1000.0))[5:45].numpy() == pytest.approx(10 * math.log10(0.5), abs=0.01)
    assert speech_level(torch.tensor([-90.0, -20.0, -20.0, -20.0])) == pytest.approx(-20.0)
    assert speech_level(torch.full((50,), -100.0)) == -60.0


@pytest.mark.parametrize("frequency", [80.0, 120.0, 220.0, 310.0])
def test_pitch_and_voicing_of_tones(frequency: float) -> None:
    # Two tones: the median lies on the lower, longer one, so the higher one is log2(ratio) octaves above it.
    ratio = 1.25
    harmonics = [
        sum(sine(f * k, length) / k for k in (1, 2, 3))
        for f, length in ((frequency, 2.0), (frequency * ratio, 1.0))
    ]
    found = extract_features(torch.cat(harmonics) * 0.2)
    assert found.voiced[5:-5].mean() == 1.0
    assert found.pitch[10:90].numpy() == pytest.approx(0.0, abs=0.03)
    assert found.pitch[115:140].numpy() == pytest.approx(math.log2(ratio), abs=0.03)


def test_noise_and_silence_have_no_voice() -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, 32000).astype(np.float32)
    assert extract_features(noise).voiced.mean() < 0.05
    silence = extract_features(np.zeros(32000, np.float32))
    assert silence.voiced.sum() == 0
    assert silence.energy.max() <= -40
    assert torch.isfinite(silence.stack()).all()


@pytest.mark.parametrize("samples", [1, 319, 639, 640, 641, 16000, 16001, 100_003])
def test_two_frames_per_picture_whatever_the_length(samples: int) -> None:
    found = extract_features(np.random.default_rng(1).normal(0, 0.1, samples).astype(np.float32))
    assert found.frames == math.ceil(samples / 640)
    assert found.content.shape == (2 * found.frames, MEL_BINS)
    assert extract_features(np.zeros(samples, np.float32), frames=7).frames == 7


def test_level_and_equaliser_are_taken_out() -> None:
    random = np.random.default_rng(2)
    envelope = np.repeat(random.uniform(0.01, 1, 100), 320)
    speech = (random.normal(size=32000) * envelope * 0.1).astype(np.float32)
    plain = extract_features(speech).content
    torch.testing.assert_close(extract_features(speech * 0.03).content, plain, rtol=0, atol=0.02)
    coloured = np.convolve(speech, [1.0, -0.7], "same").astype(np.float32)
    loud = extract_features(speech).energy > -15
    assert (extract_features(coloured).content - plain)[loud].abs().mean() < 0.25


def test_slice_takes_the_frames_of_its_pictures() -> None:
    found = extract_features(sine(200.0, 2.0))
    part = found.slice(10, 30)
    assert part.frames == 20
    torch.testing.assert_close(part.content, found.content[20:60])


def test_bad_input_is_refused_in_words() -> None:
    with pytest.raises(InputError, match="44100 Hz"):
        extract_features(np.zeros(100), 44100)
    with pytest.raises(InputError, match="shape"):
        extract_features(np.zeros((2, 100)))
    with pytest.raises(InputError, match="not finite"):
        extract_features(np.array([0.0, np.nan]))
    with pytest.raises(InputError, match="motion frames"):
        extract_features(np.zeros(100), frames=0)
    with pytest.raises(ValueError, match="even"):
        AudioFeatures(torch.zeros(3, 64), torch.zeros(3), torch.zeros(3), torch.zeros(3))
