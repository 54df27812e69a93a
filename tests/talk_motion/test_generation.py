"""The whole way from sound to a face."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from talk_motion import (
    InputError,
    MotionModel,
    MotionPrompt,
    MotionSequence,
    SamplingConfig,
    extract_features,
    generate,
)
from talk_motion.feature_stream import FeatureStream, statistics_of
from talk_motion.generation import Speaking, generate_long
from talk_motion.windows import window_starts

Speech = Callable[..., np.ndarray]


@pytest.mark.parametrize("samples", [1, 641, 16000, 50_001])
def test_as_many_frames_as_the_sound(
    speech: Speech, model: MotionModel, prompt: MotionPrompt, samples: int
) -> None:
    sound = extract_features(speech(4.0)[:samples])
    assert generate(model, sound, prompt, steps=1).frames == sound.frames


def test_same_seed_same_motion_other_seed_other_motion(
    speech: Speech, model: MotionModel, prompt: MotionPrompt
) -> None:
    sound = extract_features(speech(3.0))
    first, second = (generate(model, sound, prompt, seed=5, temperature=0.5) for _ in range(2))
    other = generate(model, sound, prompt, seed=6, temperature=0.5)
    for name in ("expression", "euler", "translation", "gaze", "blink"):
        torch.testing.assert_close(getattr(first, name), getattr(second, name), rtol=0, atol=0)
    assert (first.expression - other.expression).abs().max() > 1e-3


def test_silence_rests_the_lips_of_any_model(model: MotionModel, prompt: MotionPrompt) -> None:
    gap = model.space.gap
    moved = generate(model, extract_features(np.zeros(80000, np.float32)), prompt).expression @ gap
    speaking = prompt.motion.expression @ gap
    low, high = speaking.quantile(0.02), speaking.quantile(0.98)
    assert (moved.max() - low) / (high - low) <= 0.05
    assert moved.std() / (high - low) < 0.01
    alone = generate(model, extract_features(np.zeros(80000, np.float32))).expression @ gap
    assert alone.abs().max() < 1e-4


def test_pose_and_blink_options(speech: Speech, model: MotionModel, prompt: MotionPrompt) -> None:
    sound = extract_features(speech(10.0))
    still = generate(model, sound, prompt, steps=1, pose="static", blink="none")
    torch.testing.assert_close(still.euler, prompt.motion.euler.mean(0).expand(250, 3))
    assert still.blink.max() == 0
    assert still.expression[:, 0].max() < 0.3
    moving = generate(model, sound, prompt, steps=1)
    assert moving.euler.std() > 0
    closed = moving.blink == 1
    assert closed.any()
    torch.testing.assert_close(moving.expression[closed][:, 0], torch.ones(int(closed.sum())))


def test_long_sound_in_windows_has_no_seam(speech: Speech, small: MotionModel) -> None:
    sound = extract_features(speech(40.0))
    sampling = SamplingConfig(window=100, overlap=30)
    speed = (generate(small, sound, sampling=sampling).expression @ small.space.gap).diff().abs()
    borders = torch.zeros(speed.numel(), dtype=torch.bool)
    for start in window_starts(1000, 100, 30):
        for edge in (start, start + 100):
            borders[max(0, edge - 2) : edge + 1] = 0 < edge < 1000
    assert 60 < borders.sum() < 100
    inside, chance = speed[~borders], borders.sum() ** 0.5  # three deviations of a mean of so many frames
    assert speed[borders].mean() <= inside.mean() + 3 * inside.std() / chance
    assert speed[borders].max() <= 1.1 * speed[~borders].max()


def test_long_speech_in_sections_is_the_speech_drawn_at_once(
    speech: Speech, small: MotionModel, prompt: MotionPrompt
) -> None:
    # Two minutes in small windows, seven of which are drawn together: nine sections and their borders.
    sound = speech(120.0)
    statistics = statistics_of(lambda: [sound])
    whole_sound = extract_features(sound, statistics=statistics)
    sampling, speaking = SamplingConfig(window=100, overlap=30, prompt=50), Speaking(seed=3)
    stream = FeatureStream(statistics)
    pieces = [stream.push(block) for block in np.array_split(sound, 37)] + [stream.finish()]
    options = {"sampling": sampling, "section": 10}
    parts = list(generate_long(small, pieces, statistics.quiet, prompt, speaking, **options))
    assert len(parts) >= 5
    found = MotionSequence.join(parts)
    whole = generate(small, whole_sound, prompt, seed=3, sampling=sampling)
    assert found.frames == whole.frames == 3000
    for name in ("expression", "euler", "translation", "gaze", "blink"):
        torch.testing.assert_close(getattr(found, name), getattr(whole, name), rtol=0, atol=1e-3)
    border, speed = 0, (found.expression @ small.space.gap).diff().abs()
    for part in parts[:-1]:
        border += part.frames
        assert speed[border - 1] <= speed.quantile(0.999)
    assert max(part.frames for part in parts) <= 9 * 70 + 100


def test_a_motion_begins_alike_however_long_the_speech_goes_on(
    speech: Speech, model: MotionModel, prompt: MotionPrompt
) -> None:
    sound = extract_features(speech(12.0))
    short = generate(model, sound.slice(0, 200), prompt, steps=1)
    long = generate(model, sound, prompt, steps=1)
    for name in ("euler", "translation", "gaze", "blink"):
        torch.testing.assert_close(getattr(long, name)[:200], getattr(short, name))


def test_sections_too_short_for_their_windows_are_refused(model: MotionModel) -> None:
    with pytest.raises(ValueError, match="windows than 3"):
        list(generate_long(model, [], -40.0, section=3))
    assert list(generate_long(model, [], -40.0)) == []


@pytest.mark.parametrize("level", [0.0, 0.001])
def test_ten_seconds_without_speech_keep_the_mouth_at_rest(
    speech: Speech, small: MotionModel, prompt: MotionPrompt, level: float
) -> None:
    gap = small.space.gap
    spoken = generate(small, extract_features(speech(10.0)), prompt).expression @ gap
    low, high = spoken.quantile(0.02), spoken.quantile(0.98)
    noise = np.random.default_rng(1).normal(0, 1, 160000) * level
    moved = generate(small, extract_features(noise.astype(np.float32)), prompt).expression @ gap
    assert (moved.max() - low) / (high - low) <= 0.05
    assert moved.diff().abs().max() / (high - low) <= 0.02  # no chatter


def test_works_without_a_prompt_and_with_a_tiny_one(
    speech: Speech, model: MotionModel, prompt: MotionPrompt
) -> None:
    sound = extract_features(speech(2.0))
    assert generate(model, sound, steps=1).frames == 50
    tiny = MotionPrompt(prompt.audio.slice(0, 1), prompt.motion.slice(0, 1))
    assert generate(model, sound, tiny, steps=1).frames == 50


def test_bad_settings_are_refused_in_words(speech: Speech, model: MotionModel) -> None:
    sound = extract_features(speech(1.0))
    for setting, words in (
        ({"steps": 0}, "steps"),
        ({"style_strength": -1}, "style_strength"),
        ({"temperature": 9}, "temperature"),
        ({"pose": "wild"}, "wild"),
        ({"blink": "often"}, "often"),
    ):
        with pytest.raises(InputError, match=words):
            generate(model, sound, **setting)  # type: ignore[arg-type]


def test_embedded_weights_speak(speech: Speech, small: MotionModel) -> None:
    motion = generate(small, extract_features(speech(4.0)))
    assert isinstance(motion, MotionSequence)
    gap = motion.expression @ small.space.gap
    assert gap.std() > 0.003
    assert gap.quantile(0.98) < 0.25
