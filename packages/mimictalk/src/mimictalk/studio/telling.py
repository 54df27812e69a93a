"""What a running step says, on its way into the store and the log: rarely enough, with the time left."""

import time
from pathlib import Path
from types import TracebackType
from typing import Any

from mimictalk.studio.job import Job
from mimictalk.studio.job_store import JobStore

EVERY_SECONDS = 0.25
POINTS = 400  # of a curve, about
WARNING = "warning: "


class Telling:
    """Takes the lines of one step.

    Args:
        store: Where progress goes.
        job: Whose step it is.
        log: File for everything else.
        log_bytes: Its largest size.
    """

    def __init__(self, store: JobStore, job: Job, log: Path, log_bytes: int) -> None:
        self._store, self._job, self._left = store, job, log_bytes
        self._log = log.open("ab")
        self._left -= self._log.tell()
        self._stage, self._began, self._before, self._written, self._point = "", 0.0, 0, 0.0, 0

    def __enter__(self) -> "Telling":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._log.close()

    def told(self, stage: str, done: int, total: int, facts: dict[str, Any]) -> None:
        """A line of progress."""
        now = time.monotonic()
        first = stage != self._stage
        if first:
            self._stage, self._began, self._before, self._point = stage, now, done, -1
        numbers = {n: float(v) for n, v in facts.items() if isinstance(v, (int, float)) and v == v}
        if numbers and self._point >= 0 and done - self._point < total // POINTS and done < total:
            numbers = {}
        if not (first or numbers or done == total) and now - self._written < EVERY_SECONDS:
            return
        if numbers:
            self._point = done
        self._written = now
        new, elapsed = done - self._before, now - self._began
        eta_s = elapsed * (total - done) / new if new > 0 and total and elapsed >= 1 else None
        self._store.tell(self._job.id, stage, done, total, eta_s, numbers)

    def said(self, text: str) -> None:
        """Any other line."""
        if text.startswith(WARNING):
            self._store.warn(self._job.id, text.removeprefix(WARNING))
        line = f"{text}\n".encode()
        if len(line) <= self._left:
            self._left -= len(line)
            self._log.write(line)
            self._log.flush()
