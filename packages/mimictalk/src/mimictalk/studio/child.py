"""One step of a job as a child process: started on a leash, listened to, stopped."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from mimictalk.studio.steps import Step

PROGRAM = (sys.executable, "-m", "mimictalk.studio.tether")
LONGEST_LINE = 64 * 1024
Told = Callable[[str, int, int, dict[str, Any]], None]


class Child:
    """A running step.

    Args:
        program: What to run in place of this program, up to the step's own arguments.
        step: What to do.
        folder: Of the job; the step sees no other.
        largest: File that it may write, in bytes.
        told: Called with (stage, done, total, facts), from another thread.
        said: Called with every other line, from another thread.
    """

    def __init__(
        self,
        program: Sequence[str],
        step: Step,
        folder: Path,
        largest: int,
        told: Told,
        said: Callable[[str], None],
    ) -> None:
        self._told, self._said = told, said
        for name in ("cache", "state", "tmp", "out"):
            (folder / name).mkdir(exist_ok=True)
        with (folder / f"{step.name}.json").open("wb") as result:
            self._process = subprocess.Popen(
                [*program, step.name, str(largest), *step.arguments],
                cwd=folder,
                env=environment(folder),
                stdin=subprocess.PIPE,
                stdout=result,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def poll(self) -> int | None:
        """Exit code, negative for a signal; None while it runs."""
        code = self._process.poll()
        if code is not None:
            self._reader.join(timeout=5)
        return code

    def stop(self, grace_s: float) -> None:
        """End it: politely, then after a while not; returns when it has gone."""
        self._signal(signal.SIGTERM, self._process.pid)
        deadline = time.monotonic() + grace_s
        while self._process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        self._signal(signal.SIGKILL, -self._process.pid)  # its whole group
        self._process.wait()
        self._reader.join(timeout=5)

    def _signal(self, number: int, target: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(target, number)

    def _read(self) -> None:
        assert self._process.stderr is not None
        while line := self._process.stderr.readline(LONGEST_LINE):
            text = line.decode(errors="replace").rstrip()
            progress = _progress(text)
            if progress is not None:
                self._told(*progress)
            elif text:
                self._said(text)


def environment(folder: Path) -> dict[str, str]:
    """This process's, with caches, state and temporary files kept inside the job's folder."""
    inside = {"XDG_CACHE_HOME": "cache", "XDG_STATE_HOME": "state", "TMPDIR": "tmp", "MPLCONFIGDIR": "cache"}
    return {
        **os.environ,
        **{name: str(folder / place) for name, place in inside.items()},
        "MIMICTALK_PROGRESS": "json",
        "PYTHONSAFEPATH": "1",  # nothing in the job's folder is ever imported
    }


def _progress(text: str) -> tuple[str, int, int, dict[str, Any]] | None:
    """What a line of progress says; None for any other line."""
    if not text.startswith('{"stage"'):
        return None
    try:
        told = json.loads(text)
        return str(told["stage"]), int(told["done"]), int(told["total"]), dict(told["facts"])
    except (ValueError, KeyError, TypeError):
        return None
