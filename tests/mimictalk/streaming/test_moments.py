"""Sound leads: every moment goes out in its turn, with its own picture or with none."""

import math
import random

import numpy as np
import pytest

from mimictalk.streaming.moments import SECONDS, Moments
from mimictalk.streaming.schedule import Schedule
from mimictalk.video_coding import SAMPLES_PER_FRAME

HOP, LOOK_AHEAD = 4, 8


def sound(index: int) -> np.ndarray:
    return np.full((SAMPLES_PER_FRAME, 2), index, np.float32)


def test_sound_goes_out_in_order_after_the_delay():
    moments = Moments(3)
    out = [moments.hear(sound(index)) for index in range(10)]
    assert out[:3] == [None] * 3
    assert [moment.index for moment in out[3:]] == list(range(7))
    assert [moment.sound[0, 0] for moment in out[3:]] == list(range(7))
    assert moments.next == 7


def test_a_picture_goes_with_its_own_sound_or_not_at_all():
    moments = Moments(2)
    for index in range(3):
        moments.hear(sound(index))  # moment 0 has gone out
    assert not moments.draw(0, "late")
    assert moments.draw(2, "two")
    assert not moments.draw(3, "of the future")
    assert moments.hear(sound(3)).picture is None
    assert moments.hear(sound(4), wanted=False).picture == "two"
    assert (moments.late, moments.missing) == (2, 2)  # moments 0 and 1 went out without a picture
    for index in range(5, 9):
        moments.hear(sound(index), wanted=False)
    assert moments.missing == 3  # and moment 3; of 4 and later ones nobody wanted pictures


def test_a_delay_is_at_least_one_moment():
    with pytest.raises(ValueError, match="got 0"):
        Moments(0)


class Simulation:
    """A machine with some workers, on a clock of its own, where a frame takes `cost(time)` seconds."""

    def __init__(self, delay: int, workers: int, cost) -> None:
        self.now, self.cost = 0.0, cost
        self.schedule = Schedule(delay, cost(0.0), lambda: self.now)
        self.moments = Moments(delay)
        self.busy: list[tuple[float, int, float] | None] = [None] * workers  # until, frame, seconds
        self.out, self.most_waiting = [], 0

    def run(self, seconds: float) -> None:
        given = 0
        for index in range(round(seconds / SECONDS)):
            self._work_until((index + 1) * SECONDS)
            self.schedule.hear(index)
            moment = self.moments.hear(sound(0))
            if moment is not None:
                self.out.append((index, moment.index, moment.picture))
            if (index + 1) % HOP == 0:
                while given <= index - LOOK_AHEAD + HOP - 1:  # final after the hop
                    self.schedule.ready(given, None)
                    given += 1
            self._begin()
            self.most_waiting = max(self.most_waiting, len(self.schedule._waiting))

    def _work_until(self, time: float) -> None:
        while due := [job for job in self.busy if job and job[0] <= time]:
            first = min(due)
            self.now = first[0]
            self.busy[self.busy.index(first)] = None
            self.schedule.finished(first[2])
            self.moments.draw(first[1], first[1])
            self._begin()
        self.now = time

    def _begin(self) -> None:
        for worker, job in enumerate(self.busy):
            if job is None and (chosen := self.schedule.take()) is not None:
                seconds = self.cost(self.now)
                self.busy[worker] = (self.now + seconds, chosen[0], seconds)


def drifting(seed: int):
    """Seconds a frame takes: 15 to 215 ms over minutes, with hiccups."""
    rng = random.Random(seed)

    def cost(time: float) -> float:
        slow = 0.5 - 0.5 * math.cos(2 * math.pi * time / 400)
        return (0.015 + 0.2 * slow) * rng.uniform(0.8, 1.3) * (4 if rng.random() < 0.01 else 1)

    return cost


@pytest.mark.parametrize("workers", [1, 2])
def test_half_an_hour_of_drifting_speed_never_moves_sound_and_picture_apart(workers):
    machine = Simulation(18, workers, drifting(workers))
    machine.run(1800)
    heard, index, pictures = zip(*machine.out, strict=True)
    assert list(index) == list(range(len(index)))  # no moment was lost or repeated
    assert {at - which for at, which in zip(heard, index, strict=True)} == {18}  # and none delayed
    assert all(picture in (None, which) for which, picture in zip(index, pictures, strict=True))
    shown = sum(picture is not None for picture in pictures)
    plan = machine.schedule
    assert plan.drawn + plan.dropped + LOOK_AHEAD + HOP + 2 * workers + 30 >= len(index)
    assert machine.most_waiting <= 2 * 18
    # What was begun was nearly always in time, also where the speed changed and after hiccups.
    assert shown >= 0.93 * plan.drawn
    # A worker that takes 115 ms on average could draw some 8 of 25 frames all the time.
    assert shown >= 0.28 * workers * len(index)


def test_a_fast_machine_drops_nothing():
    machine = Simulation(14, 2, lambda time: 0.03)
    machine.run(60)
    assert machine.schedule.dropped == 0
    assert machine.moments.missing == 0
    assert machine.moments.late == 0


def test_a_slow_machine_draws_frames_that_lie_evenly_apart():
    machine = Simulation(18, 1, lambda time: 0.1)
    machine.run(60)
    shown = [index for _, index, picture in machine.out if picture is not None]
    apart = {b - a for a, b in zip(shown[20:], shown[21:], strict=False)}
    assert apart <= {1, 2, 3, 4, 5}
    assert len(shown) >= 0.9 * 60 / 0.1
    assert machine.moments.late <= 0.02 * len(shown)
