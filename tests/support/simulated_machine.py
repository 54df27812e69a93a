"""A machine on a clock of its own that hears, draws and shows: no real time passes."""

import heapq
from collections.abc import Callable
from itertools import pairwise

import numpy as np

from mimictalk.streaming.moments import SECONDS, Moment, Moments
from mimictalk.streaming.pace import HOP, LONGEST, LOOK_AHEAD, Pace
from mimictalk.streaming.schedule import Schedule

SILENCE = np.zeros((1, 2), np.float32)


class SimulatedMachine:
    """Motion of a hop takes `motion` seconds, one after another; a frame takes `cost(begun)` on its worker.

    Args:
        cost: Seconds that a frame takes which is begun at a time.
        workers: Frames at once.
        motion: Seconds of a hop's motion.
        stalls: (from, until) in which nothing goes on but the sound.
    """

    def __init__(
        self,
        cost: Callable[[float], float],
        workers: int = 1,
        motion: float = 0.05,
        stalls: tuple[tuple[float, float], ...] = (),
    ) -> None:
        self.cost, self.motion, self.stalls, self.now = cost, motion, stalls, 0.0
        self.pace = Pace(workers, cost(0.0))

    def rehearse(self, moments: int = 75) -> int:
        """Measures as `drawing_process.rehearse` does; returns the moments of delay."""
        self.run(moments * SECONDS, LONGEST)
        return self.pace.needed

    def run(self, seconds: float, delay: int, *, grows: bool = False) -> list[tuple[float, Moment]]:
        """Live for so long: when each moment went out, in seconds from the start, and what it was."""
        began, self._free = self.now, self.pace.workers
        self.schedule = Schedule(delay, self.pace, grows=grows, clock=lambda: self.now)
        self.moments, out = Moments(delay), []
        self._events: list[tuple[float, int, str, int, float]] = []
        self._count = self._known = self.most_waiting = 0
        motion_free, given = began, 0
        for index in range(round(seconds / SECONDS)):
            self._work_until(began + (index + 1) * SECONDS)
            self.schedule.hear(index)
            self.moments.lengthen(self.schedule.delay)
            moment = self.moments.hear(SILENCE)
            if moment is not None:
                out.append((self.now - began, moment))
            if (index + 1) % HOP == 0:
                motion_free = self._after(max(self.now, motion_free), self.motion)
                final = index + 1 - (LOOK_AHEAD - HOP + 1)
                if final > given:
                    self._event(motion_free, "ready", final)
                    given = final
            self._begin()
        return out

    def _work_until(self, time: float) -> None:
        while self._events and self._events[0][0] <= time:
            self.now, _, kind, index, took = heapq.heappop(self._events)
            if kind == "ready":
                for frame in range(self._known, index):
                    self.schedule.ready(frame, None)
                self._known = index
            else:
                self._free += 1
                self.schedule.finished(took)
                self.moments.draw(index, index)
            self.most_waiting = max(self.most_waiting, len(self.schedule._waiting))
            self._begin()
        self.now = time

    def _begin(self) -> None:
        while self._free and (chosen := self.schedule.take()) is not None:
            self._free -= 1
            done = self._after(self.now, self.cost(self.now))
            self._event(done, "drawn", chosen[0], done - self.now)

    def _event(self, time: float, kind: str, index: int, took: float = 0.0) -> None:
        self._count += 1
        heapq.heappush(self._events, (time, self._count, kind, index, took))

    def _after(self, time: float, seconds: float) -> float:
        """When work of so many seconds is done that is begun at a time."""
        for start, stop in self.stalls:
            if start < time + seconds and time < stop:
                return stop + seconds - max(0.0, start - time)
        return time + seconds


def shown(out: list[tuple[float, Moment]]) -> list[int]:
    """Indices of the moments whose pictures went out."""
    return [moment.shown for _, moment in out if moment.picture is not None]


def gaps(out: list[tuple[float, Moment]]) -> list[int]:
    """Moments between one picture and the next."""
    return [later - earlier for earlier, later in pairwise(shown(out))]
