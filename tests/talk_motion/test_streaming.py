"""Chunks in, motion out: in time, whatever the chunks, without jumps."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from talk_motion import InputError, MotionModel, MotionPrompt, MotionSequence, extract_features, generate
from talk_motion.feature_stream import statistics_of
from talk_motion.generation import Speaking
from talk_motion.streaming import MotionStream, StreamConfig

Speech = Callable[..., np.ndarray]


def spoken(stream: MotionStream, chunks: list[np.ndarray]) -> MotionSequence:
    return MotionSequence.join([*(stream.push(chunk) for chunk in chunks), stream.finish()])


def test_motion_does_not_depend_on_the_chunks(
    speech: Speech, model: MotionModel, prompt: MotionPrompt
) -> None:
    sound = speech(3.05)
    speaking = Speaking(steps=1, seed=4)
    whole = spoken(MotionStream(model, prompt, speaking), [sound])
    assert whole.frames == 77
    for chunks in (np.array_split(sound, 60), [sound[:7], sound[7:40_000], sound[40_000:]]):
        found = spoken(MotionStream(model, prompt, speaking), chunks)
        torch.testing.assert_close(found.expression, whole.expression, rtol=0, atol=1e-5)
        torch.testing.assert_close(found.blink, whole.blink)


@pytest.mark.parametrize("config", [StreamConfig(), StreamConfig(look_ahead=3, hop=1)])
def test_no_frame_waits_longer_than_the_look_ahead(
    speech: Speech, model: MotionModel, config: StreamConfig
) -> None:
    stream = MotionStream(model, speaking=Speaking(steps=1), config=config)
    assert stream.look_ahead <= 0.32
    given, sound = 0, speech(2.0)
    for come in range(1, 51):  # frame k is due when frames up to k + look_ahead have come
        given += stream.push(sound[640 * (come - 1) : 640 * come]).frames
        assert given >= come - config.look_ahead
        assert given <= come - config.waiting or given == 0
    assert given + stream.finish().frames == 50


def test_live_mouth_is_near_the_offline_one_and_as_smooth(
    speech: Speech, small: MotionModel, prompt: MotionPrompt
) -> None:
    sound = np.concatenate([speech(3.0), np.zeros(16_000, np.float32), speech(3.0, seed=2)])
    gap = small.space.gap
    whole = generate(small, extract_features(sound), prompt).expression @ gap
    stream = MotionStream(small, prompt, sound=statistics_of(lambda: [sound]))
    live = spoken(stream, [sound]).expression @ gap
    assert np.corrcoef(live.numpy(), whole.numpy())[0, 1] > 0.8
    speed, borders = live.diff().abs(), torch.zeros(len(live) - 1, dtype=torch.bool)
    borders[stream.config.hop - stream.config.waiting % stream.config.hop - 1 :: stream.config.hop] = True
    assert speed[borders].mean() <= 1.3 * speed[~borders].mean()
    assert speed.max() <= 1.5 * whole.diff().abs().max()


def test_memory_does_not_grow(speech: Speech, model: MotionModel) -> None:
    def held(stream: MotionStream) -> int:
        parts = [*vars(stream._heard).values(), stream._noise, stream._raw._wave, *stream._waiting]
        return sum(part.untyped_storage().nbytes() for part in parts)

    stream, sizes = MotionStream(model, speaking=Speaking(steps=1)), []
    for second in range(12):
        stream.push(speech(1.0, seed=second))
        sizes.append(held(stream))
    assert max(sizes[6:]) <= 1.1 * sizes[5]


@pytest.mark.parametrize("level", [0.0, 0.001])
def test_lips_rest_where_nobody_speaks(
    speech: Speech, model: MotionModel, prompt: MotionPrompt, level: float
) -> None:
    gap = model.space.gap
    said = prompt.motion.expression @ gap
    low, high = said.quantile(0.02), said.quantile(0.98)
    noise = (np.random.default_rng(0).normal(0, 1, 160_000) * level).astype(np.float32)
    moved = spoken(MotionStream(model, prompt, Speaking(steps=1)), [noise]).expression @ gap
    assert (moved.max() - low) / (high - low) <= 0.05


def test_wrong_use_is_refused_in_words(model: MotionModel) -> None:
    stream = MotionStream(model)
    assert stream.push(np.zeros(10)).frames == 0
    with pytest.raises(InputError, match="not finite"):
        stream.push(np.array([np.inf]))
    assert stream.finish().frames == 1
    for call in (lambda: stream.push(np.zeros(10)), stream.finish):
        with pytest.raises(InputError, match="finished"):
            call()
    for settings in ({"look_ahead": 9}, {"look_ahead": 2, "hop": 3}, {"past": 0}, {"fade": 0}):
        with pytest.raises(ValueError, match=next(iter(reversed(settings)))):
            StreamConfig(**settings)


def test_an_empty_stream_gives_no_frames(model: MotionModel) -> None:
    assert MotionStream(model).finish().frames == 0
