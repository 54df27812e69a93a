"""Which picture is worth drawing next: one that will be ready when its sound goes out."""

import time
from collections.abc import Callable
from math import ceil
from typing import Any

from mimictalk.streaming.moments import SECONDS
from mimictalk.streaming.pace import Pace


class Schedule:
    """Chooses among the frames whose motion is known. Time is counted in sound that came in.

    Moment k goes out when moment k + delay has come in. Frames are drawn a stride apart, as many as the
    workers can draw, so that what is shown lies evenly; each is begun only if it is expected to be done in
    time, and what lies before it is dropped. Where most frames can no longer be in time, because the machine
    has become slower than it was, the delay grows.

    Args:
        delay: Moments between coming in and going out.
        pace: How long drawing takes here.
        grows: Whether the delay may become longer.
        clock: Seconds, monotonic.

    Attributes:
        drawn: Frames that were finished.
        dropped: Frames that were not begun.
    """

    def __init__(
        self, delay: int, pace: Pace, *, grows: bool = False, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.delay, self.pace, self.drawn, self.dropped = delay, pace, 0, 0
        self._grows, self._clock = grows, clock
        self._heard, self._then = -1, clock()
        self._aim = 0.0  # the next frame that is wanted
        self._waiting: dict[int, Any] = {}

    def hear(self, index: int, time: float | None = None) -> None:
        """Moment `index` of the sound has come in, at `time` by the clock; None for now."""
        self._heard, self._then = index, self._clock() if time is None else time
        if self._grows and not self.pace.suffices(self.delay):
            self.delay = max(self.delay, self.pace.needed)

    def ready(self, index: int, motion: Any) -> None:
        """The motion of frame `index` is known."""
        self._waiting[index] = motion
        self.pace.known(self.delay * SECONDS - self.left(index))

    def left(self, index: int) -> float:
        """Seconds until the moment goes out."""
        return (index + self.delay - self._heard) * SECONDS - (self._clock() - self._then)

    def take(self) -> tuple[int, Any] | None:
        """A frame to draw now: its index and motion; None if there is none."""
        # One moment late is shown with the next: see Moments.
        possible = [index for index in sorted(self._waiting) if self.left(index) > -SECONDS]
        wanted = [index for index in possible if index >= ceil(self._aim)]
        expected = self.pace.expected
        # If none can be expected to be in time the newest has the best chance: expectations may be wrong.
        chosen = next(
            (index for index in wanted if self.left(index) >= expected), wanted[-1] if wanted else None
        )
        self._forget(ceil(self._aim) if chosen is None else chosen)
        if chosen is None:
            return None
        on_time = chosen - self._aim < 1
        self._aim = (self._aim if on_time else chosen) + self.pace.stride
        return chosen, self._waiting.pop(chosen)

    def finished(self, seconds: float) -> None:
        """A frame was drawn and took so long."""
        self.drawn += 1
        self.pace.drawn(seconds)

    def _forget(self, before: int) -> None:
        """Drop what lies before a frame, and what nobody would see any more."""
        gone = [index for index in self._waiting if index < before or self.left(index) <= -SECONDS]
        for index in gone:
            del self._waiting[index]
        self.dropped += len(gone)
