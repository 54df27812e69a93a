"""Ctrl-C and SIGTERM that never cut a step in two."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

TERMINATED = 143  # 128 + SIGTERM, as shells report it


class StopSignals:
    """While in use, SIGINT raises KeyboardInterrupt and SIGTERM SystemExit, but for `held` pieces of work,
    which are finished first. Outside the main thread, where Python delivers no signals, nothing changes."""

    def __init__(self) -> None:
        self._before: dict[int, Any] = {}
        self._holding, self._pending = False, 0

    def __enter__(self) -> "StopSignals":
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._arrived)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Finish what is inside before a signal is heard."""
        self._holding = True
        try:
            yield
        finally:
            self._holding = False
        if self._pending:
            self._stop(self._pending)

    def _arrived(self, number: int, frame: FrameType | None) -> None:
        if self._holding:
            self._pending = number
        else:
            self._stop(number)

    def _stop(self, number: int) -> None:
        self._pending = 0
        raise KeyboardInterrupt if number == signal.SIGINT else SystemExit(TERMINATED)
