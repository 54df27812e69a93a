"""Habits: the prompt's spectrum without its repetition, complete blinks at its rate."""

import math

import torch

from talk_motion import MotionPrompt
from talk_motion.habits import draw_blinks, draw_pose, find_blinks, surrogate


def swaying(frames: int) -> torch.Tensor:
    time = torch.arange(frames) / 25
    first = torch.sin(2 * math.pi * 0.9 * time) + 0.3 * torch.sin(2 * math.pi * 2.1 * time)
    return torch.stack([first, -0.5 * first, 0 * first + 0.2], dim=1)


def test_surrogate_keeps_size_ties_and_range() -> None:
    reference = swaying(250)
    drawn = surrogate(reference, 3000, torch.Generator().manual_seed(0))
    assert drawn.shape == (3000, 3)
    assert torch.isfinite(drawn).all()
    ratio = drawn[:, 0].std() / reference[:, 0].std()
    assert 0.8 < ratio < 1.2
    torch.testing.assert_close(drawn[:, 1], -0.5 * drawn[:, 0], rtol=0, atol=0.05)
    assert (drawn.amax(0) <= reference.amax(0) + 1e-6).all()
    assert (drawn.amin(0) >= reference.amin(0) - 1e-6).all()


def test_surrogate_does_not_loop() -> None:
    generator = torch.Generator().manual_seed(1)
    # Slow noise has no period of its own, so a high correlation at any large shift would be a loop.
    noise = torch.nn.functional.avg_pool1d(torch.randn(1, 1, 524, generator=generator), 25, 1)[0, 0][:, None]
    drawn = surrogate(noise, 4000, generator)[:, 0]
    drawn = (drawn - drawn.mean()) / drawn.std()
    for shift in range(150, 3000, 50):
        assert abs(float((drawn[:-shift] * drawn[shift:]).mean())) < 0.5


def test_speed_of_the_surrogate_is_usual_everywhere() -> None:
    reference = swaying(200)
    drawn = surrogate(reference, 2000, torch.Generator().manual_seed(2))
    assert drawn.diff(dim=0).abs().max() < 2.5 * reference.diff(dim=0).abs().max()


def test_blinks_close_fully_at_the_rate_of_the_prompt(prompt: MotionPrompt) -> None:
    assert find_blinks(prompt.motion.blink) in ([40, 110], [41, 111], [42, 112])
    minutes = 20
    drawn = draw_blinks(minutes * 1500, prompt.motion, torch.Generator().manual_seed(0))
    peaks = find_blinks(drawn)
    # Two blinks in six seconds, with one usual blink of four seconds added: one in 10 / 3 seconds.
    assert 0.75 * 18 < len(peaks) / minutes < 1.25 * 18
    assert (drawn[peaks] == 1.0).all()
    usual = draw_blinks(minutes * 1500, None, torch.Generator().manual_seed(0))
    assert 0.75 * 15 < len(find_blinks(usual)) / minutes < 1.25 * 15


def test_pose_stays_within_the_manner_of_the_prompt(prompt: MotionPrompt) -> None:
    euler, translation, gaze = draw_pose(1000, prompt.motion, torch.Generator().manual_seed(0))
    assert (euler.amax(0) <= prompt.motion.euler.amax(0) + 1e-6).all()
    assert 0.6 < euler[:, 0].std() / prompt.motion.euler[:, 0].std() < 1.4
    torch.testing.assert_close(translation, 0.1 * euler, rtol=0.05, atol=0.003)
    assert gaze.shape == (1000, 2)
    assert draw_pose(100, None, torch.Generator().manual_seed(0))[0].abs().max() < 0.2
