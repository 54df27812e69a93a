"""When the next moment is due: the sender's clock leads where somebody sends, ours where nobody does."""

import time
from collections.abc import Callable

from mimictalk.streaming.moments import SECONDS

GAIN = 0.02  # of the pace, per second of sound that waits too much: the clocks agree within a minute
MOST = 0.005  # of the pace: 0.5 %, heard by nobody and far more than clocks differ
LOST = 1.0  # seconds behind after which time is skipped: the machine slept


class Pacer:
    """Counts moments at the pace at which sound comes in (a phase-locked loop of first order).

    Two crystals differ by up to some 100 parts per million, 0.2 s in half an hour. With a pace of its own
    the server would run out of sound, or fall behind, again and again; so it follows the sender.

    Args:
        clock: Seconds, monotonic.

    Attributes:
        skipped: Seconds that were left out because the machine stood still.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._next = clock, clock() + SECONDS
        self.skipped = 0.0

    def wait(self) -> float:
        """Seconds until the next moment is due; 0 or less if it is due now."""
        late = self._clock() - self._next
        if late > LOST:
            self.skipped += late
            self._next += late
        return self._next - self._clock()

    def count(self, too_much: float | None) -> None:
        """One moment was taken.

        Args:
            too_much: Seconds of sound that wait beyond what should; None where nobody sends.
        """
        change = 0.0 if too_much is None else max(-MOST, min(MOST, GAIN * too_much))
        self._next += SECONDS * (1 - change)

    def restart(self) -> None:
        """After a rest: the next moment is due 40 ms from now."""
        self._next = self._clock() + SECONDS
