"""Lips rest in silence, and only in silence."""

from collections.abc import Callable

import numpy as np
import torch

from talk_motion import MotionPrompt, extract_features
from talk_motion.rest import rest_mouth, settle, speech_presence
from talk_motion.space import MotionSpace

Speech = Callable[..., np.ndarray]


def test_presence_follows_the_voice_and_bridges_short_pauses(speech: Speech) -> None:
    quiet, short = np.zeros(3 * 16000, np.float32), np.zeros(8000, np.float32)
    sound = np.concatenate([speech(2.0), short, speech(2.0), quiet, speech(2.0)])
    presence = speech_presence(extract_features(sound))
    assert presence[5:110].min() > 0.99  # the pause of half a second counts as speech
    assert presence[135:165].max() < 0.01
    assert presence[200:].min() > 0.99
    assert presence.diff().abs().max() < 0.35  # the mouth does not snap


def test_presence_is_zero_in_silence_and_noise() -> None:
    noise = np.random.default_rng(0).normal(0, 0.01, 80000).astype(np.float32)
    assert speech_presence(extract_features(np.zeros(80000, np.float32))).max() == 0
    assert speech_presence(extract_features(noise)).mean() < 0.3


def test_rest_lies_between_the_closed_mouth_of_the_prompt_and_the_neutral_face(
    space: MotionSpace, prompt: MotionPrompt
) -> None:
    said = prompt.motion.expression
    rest = rest_mouth(said, space.gap)
    closed = (said @ space.gap).abs().sort().values[:5]
    assert float((rest @ space.gap).abs()) <= float(closed.max()) / 2
    assert rest.shape == (64,)


def test_settling_leaves_speech_and_ends_at_rest() -> None:
    said, rest = torch.randn(150, 64, generator=torch.Generator().manual_seed(0)), torch.ones(64)
    torch.testing.assert_close(settle(said, torch.zeros(150), rest), rest.expand(150, -1))
    torch.testing.assert_close(settle(said, torch.ones(150), rest), said)
