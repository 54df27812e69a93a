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


def test_long_sound_in_windows_has_no_seam(speech: Speech, model: MotionModel, prompt: MotionPrompt) -> None:
    sound = extract_features(speech(24.0))
    sampling = SamplingConfig(window=100, overlap=30)
    motion = generate(model, sound, prompt, steps=2, temperature=0.0, sampling=sampling)
    speed = (motion.expression @ model.space.gap).diff().abs()
    borders = torch.zeros(speed.numel(), dtype=torch.bool)
    for start in window_starts(600, 100, 30):
        for edge in (start, start + 100):
            borders[max(0, edge - 2) : edge + 1] = 0 < edge < 600
    assert 20 < borders.sum() < 100
    assert speed[borders].mean() <= 1.2 * speed[~borders].mean()
    assert speed[borders].max() <= 1.1 * speed[~borders].max()


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


def test_embedded_weights_speak(speech: Speech) -> None:
    model = MotionModel.from_pretrained("small")
    motion = generate(model, extract_features(speech(4.0)))
    assert isinstance(motion, MotionSequence)
    gap = motion.expression @ model.space.gap
    assert gap.std() > 0.003
    assert gap.quantile(0.98) < 0.25
