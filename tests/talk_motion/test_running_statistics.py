"""Statistics of sound that goes on come to those of the whole, and pauses do not change them."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from talk_motion.features import SoundStatistics
from talk_motion.running_statistics import Adaptation, RunningStatistics
from talk_motion.sound_frames import MARGIN, RawSound, measure

Speech = Callable[..., np.ndarray]


def frames_of(sound: np.ndarray) -> RawSound:
    return measure(torch.nn.functional.pad(torch.as_tensor(sound), (MARGIN, MARGIN)))


def hear(running: RunningStatistics, raw: RawSound) -> SoundStatistics:
    for at in range(0, len(raw), 8):
        running.add(raw[at : at + 8])
    return running.current


def test_they_come_to_those_of_the_whole(speech: Speech) -> None:
    raw = frames_of(0.1 * speech(24.0))
    whole, running = SoundStatistics.of(raw), RunningStatistics()
    assert abs(running.current.level - whole.level) > 3
    found = hear(running, raw)
    assert found.level == pytest.approx(whole.level, abs=1.0)
    assert found.octave == pytest.approx(whole.octave, abs=0.05)
    assert found.quiet == pytest.approx(whole.quiet, abs=3.0)
    assert (found.mean - whole.mean).abs().mean() < 0.15
    assert (found.deviation - whole.deviation).abs().mean() < 0.25


def test_known_statistics_hold_from_the_start(speech: Speech) -> None:
    raw = frames_of(speech(12.0))
    known = SoundStatistics.of(raw)
    found = hear(RunningStatistics(known), raw[:100])
    assert found.level == pytest.approx(known.level, abs=0.5)
    torch.testing.assert_close(found.mean, known.mean, rtol=0, atol=0.15)


def test_a_long_pause_is_not_taken_for_speech(speech: Speech) -> None:
    running = RunningStatistics()
    before = hear(running, frames_of(speech(8.0)))
    noise = np.random.default_rng(0).normal(0, 1e-3, 16_000 * 40).astype(np.float32)
    after = hear(running, frames_of(noise))
    assert after.level == pytest.approx(before.level, abs=1.0)
    torch.testing.assert_close(after.mean, before.mean, rtol=0, atol=0.1)


def test_they_follow_a_speaker_who_steps_back(speech: Speech) -> None:
    running = RunningStatistics(adaptation=Adaptation(memory=5.0))
    near = hear(running, frames_of(speech(10.0))).level
    far = hear(running, frames_of(0.2 * speech(20.0))).level
    assert near - far == pytest.approx(-20 * np.log10(0.2), abs=1.5)


@pytest.mark.parametrize("name", ["memory", "known", "guessed", "hold"])
def test_bad_settings_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        Adaptation(**{name: 0.0})
