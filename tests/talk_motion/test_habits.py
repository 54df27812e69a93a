"""Habits: the prompt's spectrum without its repetition, complete blinks at its rate."""

import math

import torch

from talk_motion import MotionPrompt
from talk_motion.habits import Blinks, Pose, Surrogate, find_blinks


def swaying(frames: int) -> torch.Tensor:
    time = torch.arange(frames) / 25
    first = torch.sin(2 * math.pi * 0.9 * time) + 0.3 * torch.sin(2 * math.pi * 2.1 * time)
    return torch.stack([first, -0.5 * first, 0 * first + 0.2], dim=1)


def test_surrogate_keeps_size_ties_and_range() -> None:
    reference = swaying(250)
    drawn = Surrogate(reference, torch.Generator().manual_seed(0)).take(3000)
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
    drawn = Surrogate(noise, generator).take(4000)[:, 0]
    drawn = (drawn - drawn.mean()) / drawn.std()
    for shift in range(150, 3000, 50):
        assert abs(float((drawn[:-shift] * drawn[shift:]).mean())) < 0.5


def test_speed_of_the_surrogate_is_usual_everywhere() -> None:
    reference = swaying(200)
    drawn = Surrogate(reference, torch.Generator().manual_seed(2)).take(2000)
    assert drawn.diff(dim=0).abs().max() < 2.5 * reference.diff(dim=0).abs().max()


def test_blinks_close_fully_at_the_rate_of_the_prompt(prompt: MotionPrompt) -> None:
    assert find_blinks(prompt.motion.blink) in ([40, 110], [41, 111], [42, 112])
    minutes = 20
    drawn = Blinks(prompt.motion, torch.Generator().manual_seed(0)).take(minutes * 1500)
    peaks = find_blinks(drawn)
    # Two blinks in six seconds, with one usual blink of four seconds added: one in 10 / 3 seconds.
    assert 0.75 * 18 < len(peaks) / minutes < 1.25 * 18
    assert (drawn[peaks] == 1.0).all()
    usual = Blinks(None, torch.Generator().manual_seed(0)).take(minutes * 1500)
    assert 0.75 * 15 < len(find_blinks(usual)) / minutes < 1.25 * 15


def test_pose_stays_within_the_manner_of_the_prompt(prompt: MotionPrompt) -> None:
    euler, translation, gaze = Pose(prompt.motion, torch.Generator().manual_seed(0)).take(1000)
    assert (euler.amax(0) <= prompt.motion.euler.amax(0) + 1e-6).all()
    assert 0.6 < euler[:, 0].std() / prompt.motion.euler[:, 0].std() < 1.4
    torch.testing.assert_close(translation, 0.1 * euler, rtol=0.05, atol=0.003)
    assert gaze.shape == (1000, 2)
    assert Pose(None, torch.Generator().manual_seed(0)).take(100)[0].abs().max() < 0.2


def pieces_of(habit: Surrogate | Blinks, sizes: list[int]) -> torch.Tensor:
    return torch.cat([habit.take(size) for size in sizes])


def test_what_is_taken_in_pieces_is_what_is_taken_at_once(prompt: MotionPrompt) -> None:
    sizes = [1, 0, 4, 4, 130, 3, 58, 500]
    for make in (
        lambda generator: Surrogate(swaying(250), generator),
        lambda generator: Blinks(prompt.motion, generator),
        lambda generator: Blinks(None, generator),
    ):
        whole = make(torch.Generator().manual_seed(3)).take(900)
        pieces = pieces_of(make(torch.Generator().manual_seed(3)), sizes)
        torch.testing.assert_close(pieces, whole[: sum(sizes)], rtol=0, atol=0)


def test_every_blink_closes_and_lasts_as_long_as_a_blink(prompt: MotionPrompt) -> None:
    # Human blinks last 100 to 400 ms and come 10 to 25 times a minute at rest (Bentivoglio et al. 1997).
    drawn = Blinks(None, torch.Generator().manual_seed(4)).take(15 * 1500)
    edges = torch.nn.functional.pad((drawn > 0.05).int(), (1, 1)).diff()
    starts, stops = torch.nonzero(edges > 0).flatten(), torch.nonzero(edges < 0).flatten()
    lengths = (stops - starts) * 40
    assert all(float(drawn[a:b].max()) >= 0.95 for a, b in zip(starts, stops, strict=True))
    assert lengths.min() >= 100
    assert (lengths <= 400).float().mean() > 0.98  # two blinks may follow each other at once
    assert 10 <= len(starts) / 15 <= 25


def test_a_prompt_too_short_to_copy_gives_its_mean(prompt: MotionPrompt) -> None:
    few = prompt.motion.slice(0, 10)
    euler, _, _ = Pose(few, torch.Generator().manual_seed(0)).take(30)
    torch.testing.assert_close(euler, few.euler.mean(dim=0).expand(30, 3))
    still = Pose(prompt.motion, torch.Generator().manual_seed(0), still=True).take(30)[0]
    torch.testing.assert_close(still, prompt.motion.euler.mean(dim=0).expand(30, 3))
