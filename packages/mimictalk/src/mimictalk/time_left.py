"""How long a stage of a job will still take, from how fast it went so far."""

from collections import deque

SAMPLES = 512  # that are kept of a stage
WARMING = 0.2  # share of what was done that does not count
SOON = 1.0  # seconds: before, nothing is known about the rest


class TimeLeft:
    """Estimates, report by report.

    The speed is that of all but the first fifth of what was done: the first steps of a stage load networks
    and fill caches, and say little about the others.
    """

    def __init__(self) -> None:
        self._stage: str | None = None
        self._seen: deque[tuple[float, int]] = deque(maxlen=SAMPLES)
        self._began, self._before = 0.0, 0

    def __call__(self, stage: str, done: int, total: int, now: float) -> float | None:
        """Take a report; seconds left of its stage, None where that is not known.

        Args:
            stage: Its name; another one begins a new estimate.
            done: How much is done; the first report of a stage says what was done before.
            total: Of how much; 0 where that is not known.
            now: Seconds on any clock.
        """
        if stage != self._stage or done < self._before:
            self._stage, self._began, self._before = stage, now, done
            self._seen.clear()
        if not self._seen or done > self._seen[-1][1]:
            self._seen.append((now, done))
        if not total or now - self._began < SOON or done <= self._before:
            return None
        early = self._before + WARMING * (done - self._before)
        then, count = max((seen for seen in self._seen if seen[1] <= early), default=self._seen[0])
        ended, finished = self._seen[-1]
        if finished == count:
            return None
        # What has been waited for since the last step belongs to the next one.
        return max(0.0, (ended - then) / (finished - count) * (total - finished) - (now - ended))
