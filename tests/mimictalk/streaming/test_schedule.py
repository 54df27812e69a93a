"""Which frames are drawn, on simulated machines: as many as they can, evenly apart, with their own sound."""

import math
import random

import numpy as np
import pytest

from mimictalk.streaming.moments import SECONDS
from mimictalk.streaming.pace import HOP, LONGEST, MARGIN, Pace, quantile
from mimictalk.streaming.schedule import Schedule
from simulated_machine import SimulatedMachine, gaps, shown

FPS = 25
MINUTE = 60.0


def live(machine: SimulatedMachine, seconds: float = MINUTE, *, grows: bool = True):
    """What goes out, with the delay that the machine has measured."""
    delay = machine.rehearse()
    out = machine.run(seconds, delay, grows=grows)
    check_sound(machine, out, delay)
    return delay, out


def check_sound(machine, out, delay):
    """No moment is lost, none is early, and every picture is within 40 ms of its own sound."""
    assert [moment.index for _, moment in out] == list(range(len(out)))
    assert all(time >= (moment.index + 1 + delay) * SECONDS - 1e-6 for time, moment in out)
    for _, moment in out:
        assert moment.picture in (None, moment.shown)
        assert 0 <= moment.index - moment.shown <= 1
    pictures = shown(out)
    assert pictures == sorted(set(pictures))


def rate(out, since: float = 5.0) -> float:
    """Pictures per second after the first seconds."""
    came = [time for time, moment in out if moment.picture is not None and time >= since]
    return len(came) / (out[-1][0] - since)


def test_frames_of_20_ms_are_all_shown_with_their_sound():
    machine = SimulatedMachine(lambda time: 0.02)
    delay, out = live(machine)
    assert machine.moments.missing == machine.moments.late == machine.moments.overdue == 0
    assert machine.schedule.dropped == 0
    assert rate(out) == pytest.approx(FPS, rel=0.01)
    assert delay <= 14  # 0.36 s of look-ahead and hop, 0.05 s of motion, the hop's frames one after another


@pytest.mark.parametrize(("seconds", "workers"), [(0.14, 1), (0.28, 2), (0.56, 4)])
def test_frames_of_140_ms_are_shown_at_seven_a_second_evenly(seconds, workers):
    machine = SimulatedMachine(lambda time: seconds, workers)
    delay, out = live(machine)
    possible = workers / seconds
    assert rate(out) >= 0.95 * possible  # 7.1 a second
    late = gaps(out)[FPS:]
    assert set(late) <= {3, 4}  # 3.5 moments apart: no more even spacing exists
    assert machine.moments.late == 0
    assert machine.schedule.delay == delay < LONGEST


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("seed", range(3))
def test_jittery_frames_are_nearly_all_in_time(workers, seed):
    rng = random.Random(seed)
    cost = lambda time: 0.14 * rng.uniform(0.6, 1.6) * (3 if rng.random() < 0.02 else 1)  # noqa: E731
    machine = SimulatedMachine(cost, workers)
    _, out = live(machine)
    mean = 0.14 * 1.1 * 1.04  # of the cost
    assert rate(out) >= 0.85 * workers / mean
    assert len(shown(out)) >= 0.93 * machine.schedule.drawn
    apart = gaps(out)[FPS:]
    assert np.percentile(apart, 95) <= 2 * workers**-1 * mean / SECONDS + 1


@pytest.mark.parametrize("seconds", [0.02, 0.14])
def test_a_stall_of_a_second_costs_its_own_pictures_and_nothing_after(seconds):
    machine = SimulatedMachine(lambda time: seconds, stalls=((23.0, 24.0),))
    delay, out = live(machine, 40)
    assert machine.schedule.delay == delay  # and the sound was not held up
    assert {round(time / SECONDS) - moment.index for time, moment in out} == {delay + 1}
    before = [gap for gap, at in zip(gaps(out), shown(out), strict=False) if 50 < at < 400]
    after = [gap for gap, at in zip(gaps(out), shown(out), strict=False) if at > 20 * FPS + 2 * FPS]
    assert max(after) <= max(before)
    catching_up = math.ceil(
        1 / 0.16 * machine.motion / SECONDS
    )  # the motion of the hops that were heard meanwhile
    assert max(gaps(out)) <= FPS + catching_up + HOP + max(before)


def test_a_slow_start_is_forgotten():
    """A machine that is five times slower in its first seconds, while it is measured, draws all it can later."""
    machine = SimulatedMachine(lambda time: 0.7 if time < 3 else 0.14)
    delay, out = live(machine)
    assert delay < LONGEST
    assert rate(out, since=10) >= 0.95 / 0.14


@pytest.mark.parametrize(("before", "after"), [(0.02, 0.3), (0.14, 0.5)])
def test_a_machine_that_becomes_slower_shows_what_it_can_after_one_pause(before, after):
    """What was measured at the start no longer holds, for example because other programs were started."""
    machine = SimulatedMachine(lambda time: before if time < 20 else after)
    delay, out = live(machine, 80)
    assert machine.schedule.delay > delay
    assert rate(out, since=40) >= 0.9 / after
    waits = sorted({round(time / SECONDS) - moment.index - 1 for time, moment in out})
    assert waits[0] == delay
    assert waits[-1] == machine.schedule.delay
    assert len(waits) <= 3  # it does not creep


def test_a_delay_that_was_asked_for_stays():
    machine = SimulatedMachine(lambda time: 0.5)
    out = machine.run(30, 10)
    assert {round(time / SECONDS) - moment.index - 1 for time, moment in out} == {10}


def test_motion_that_is_slower_than_speech_lets_the_delay_grow_to_its_limit_only():
    machine = SimulatedMachine(lambda time: 0.02, motion=0.2)  # of 0.16 s of sound
    machine.run(60, 14, grows=True)
    assert machine.schedule.delay == LONGEST


def drifting(seed: int):
    """Seconds a frame takes: 15 to 215 ms over minutes, with hiccups."""
    rng = random.Random(seed)

    def cost(time: float) -> float:
        slow = 0.5 - 0.5 * math.cos(2 * math.pi * time / 400)
        return (0.015 + 0.2 * slow) * rng.uniform(0.8, 1.3) * (4 if rng.random() < 0.01 else 1)

    return cost


@pytest.mark.parametrize("workers", [1, 2])
def test_half_an_hour_of_drifting_speed_never_moves_sound_and_picture_apart(workers):
    machine = SimulatedMachine(drifting(workers), workers)
    out = machine.run(1800, 18)
    check_sound(machine, out, 18)
    assert {round(time / SECONDS) - moment.index - 1 for time, moment in out} == {18}  # no moment was delayed
    plan = machine.schedule
    assert machine.most_waiting <= 2 * 18
    # What was begun was nearly always in time, also where the speed changed and after hiccups.
    assert len(shown(out)) >= 0.93 * plan.drawn
    # A worker that takes 115 ms on average could draw some 8 of 25 frames all the time.
    assert len(shown(out)) >= 0.28 * workers * len(out)


def test_what_is_expected_is_what_was_measured():
    pace = Pace(2, 0.1)
    assert pace.expected == pytest.approx(0.1 + MARGIN)
    assert pace.stride == pytest.approx(0.1 / 2 / 0.04)
    for seconds in [0.2] * 16:
        pace.drawn(seconds)
    assert pace.seconds == 0.2  # the last ones count
    assert Pace(1, 0.001).stride == 1
    assert Pace(1, 60.0).needed == LONGEST
    assert quantile([3.0, 1.0, 2.0, 4.0], 0.5) == 2.0
    assert quantile([3.0, 1.0, 2.0, 4.0], 1.0) == 4.0
    assert quantile([3.0, 1.0, 2.0, 4.0], 0.01) == 1.0


def test_a_frame_that_nobody_would_see_is_not_begun():
    now = 0.0
    schedule = Schedule(10, Pace(1, 0.02), clock=lambda: now)
    schedule.hear(0)
    schedule.ready(0, "motion")
    now = 11 * SECONDS + 0.001  # its moment and the next have gone out
    assert schedule.take() is None
    assert schedule.dropped == 1
