"""How long each stage of a job took, read off its progress, and the most memory it had."""

import resource
import sys
import time
from typing import Any

from mimictalk.console import Progress


class StageClock:
    """A progress function that passes everything on and keeps the time.

    Args:
        progress: Where it passes it on to.
    """

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._spent: dict[str, float] = {}
        self._stage, self._since = "start", time.monotonic()

    def __call__(self, stage: str, done: int, total: int, facts: dict[str, Any]) -> None:
        self._book()
        self._stage = stage
        self._progress(stage, done, total, facts)

    def seconds(self) -> dict[str, float]:
        """Stage to seconds, in the order of the stages; what led to a stage's first report counts as its."""
        self._book()
        return {stage: round(spent, 1) for stage, spent in self._spent.items()}

    def _book(self) -> None:
        now = time.monotonic()
        self._spent[self._stage] = self._spent.get(self._stage, 0.0) + now - self._since
        self._since = now


def peak_memory() -> float:
    """Most memory this process has held, GB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1e9 if sys.platform == "darwin" else 1e6 / 1.024), 3)
