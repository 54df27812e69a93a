"""How long it takes on this machine from a sound to its picture, measured all the time."""

from collections import deque
from math import ceil

from mimictalk.streaming.moments import SECONDS

LOOK_AHEAD, HOP = 8, 4  # frames: what talk_motion.StreamConfig waits for, and how many come together
MARGIN = 0.010  # seconds for the way to the server
LATELY = 16  # frames: the speed of drawing now; more with many workers, of which all may stand still at once
FRAMES, KNOWN = 64, 256  # frames: a stall of a second must not weigh in the quantiles
NEARLY_ALL, MOST = 0.95, 0.75  # shares of frames
ROOM = 1.5  # of the time that drawing takes: each viewer's encoder wants the same cores
LONGEST = 75  # moments of delay, 3 s: a machine that needs more shows fewer pictures


class Pace:
    """Running quantiles of two times: from a sound to its motion, and from there to the picture.

    Args:
        workers: Frames that are drawn at the same time.
        seconds: What one of them takes, to begin with.
    """

    def __init__(self, workers: int, seconds: float) -> None:
        self.workers = workers
        self._drawn = deque([seconds], maxlen=max(FRAMES, 5 * workers))
        self._known = deque([(LOOK_AHEAD + 1) * SECONDS], maxlen=KNOWN)

    def known(self, seconds: float) -> None:
        """The motion of a moment was known so long after its sound had come in."""
        self._known.append(seconds)

    def drawn(self, seconds: float) -> None:
        """A frame took so long."""
        self._drawn.append(seconds)

    @property
    def seconds(self) -> float:
        """What a frame takes now: the median of the last ones."""
        return quantile(self._lately, 0.5)

    @property
    def stride(self) -> float:
        """Moments between two frames if all workers draw all the time; 1 where every frame can be drawn."""
        return max(1.0, self.seconds / self.workers / SECONDS)

    @property
    def expected(self) -> float:
        """Seconds in which nearly every frame is drawn and on its way."""
        return quantile(self._drawn, NEARLY_ALL) + MARGIN

    @property
    def needed(self) -> int:
        """Moments of delay with which nearly every frame that is begun is in time.

        A frame waits for its motion, then for a worker, but for no longer than until others are known.
        """
        waits = min(self.seconds / self.workers, HOP * SECONDS)
        drawing = ROOM * quantile(self._drawn, NEARLY_ALL)
        return min(LONGEST, ceil((quantile(self._known, NEARLY_ALL) + waits + drawing + MARGIN) / SECONDS))

    def suffices(self, delay: int) -> bool:
        """Whether most frames can be in time with a delay of so many moments."""
        return quantile(self._known, MOST) + quantile(self._lately, MOST) + MARGIN <= delay * SECONDS

    @property
    def _lately(self) -> list[float]:
        return [*self._drawn][-max(LATELY, 5 * self.workers) :]


def quantile(values: "deque[float] | list[float]", share: float) -> float:
    """The smallest value that `share` of the values, in (0, 1], do not exceed (nearest rank)."""
    return sorted(values)[ceil(share * len(values)) - 1]
