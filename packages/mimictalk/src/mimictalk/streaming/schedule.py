"""Which picture is worth drawing next: one that will be ready when its sound goes out."""

import time
from collections.abc import Callable
from typing import Any

from mimictalk.streaming.moments import SECONDS

MARGIN = 0.010  # seconds for the way to the server
LEARN = 0.1  # share of a new measurement in the running means


class Schedule:
    """Chooses among the frames whose motion is known. Time is counted in sound that came in.

    Moment k goes out when moment k + delay has come in. A frame is drawn if that is expected to be done by
    then; the oldest such frame first. Frames before it are dropped: where drawing is slower than real time
    the frames that are drawn lie evenly apart, and none is drawn in vain.

    Args:
        delay: Moments between coming in and going out.
        seconds: How long drawing a frame takes, to begin with.
        clock: Seconds, monotonic.

    Attributes:
        drawn: Frames that were finished.
        dropped: Frames that were not begun because they would have been too late.
    """

    def __init__(self, delay: int, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.delay, self.drawn, self.dropped = delay, 0, 0
        self._clock = clock
        self._mean, self._spread = seconds, seconds / 4
        self._heard, self._then = -1, clock()
        self._waiting: dict[int, Any] = {}

    @property
    def expected(self) -> float:
        """Seconds that a frame takes, with room for the usual variation."""
        return self._mean + 2 * self._spread + MARGIN

    def hear(self, index: int, time: float | None = None) -> None:
        """Moment `index` of the sound has come in, at `time` by the clock; None for now."""
        self._heard, self._then = index, self._clock() if time is None else time

    def ready(self, index: int, motion: Any) -> None:
        """The motion of frame `index` is known."""
        self._waiting[index] = motion

    def left(self, index: int) -> float:
        """Seconds until the moment goes out."""
        return (index + self.delay - self._heard) * SECONDS - (self._clock() - self._then)

    def take(self) -> tuple[int, Any] | None:
        """A frame to draw now: its index and motion; None if there is none."""
        waiting = sorted(self._waiting)
        possible = [index for index in waiting if self.left(index) > 0]
        if not possible:
            self._forget(waiting)
            return None
        # If none can be expected to be in time the newest has the best chance: expectations may be wrong.
        chosen = next((index for index in possible if self.left(index) >= self.expected), possible[-1])
        self._forget([index for index in waiting if index < chosen])
        return chosen, self._waiting.pop(chosen)

    def finished(self, seconds: float) -> None:
        """A frame was drawn and took so long."""
        self.drawn += 1
        self._spread += LEARN * (abs(seconds - self._mean) - self._spread)
        self._mean += LEARN * (seconds - self._mean)

    def _forget(self, indices: list[int]) -> None:
        for index in indices:
            del self._waiting[index]
        self.dropped += len(indices)
