"""What the user sees: results on stdout, everything else on stderr."""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TextIO

from mimictalk.durations import show_duration
from mimictalk.errors import MimictalkError
from mimictalk.time_left import TimeLeft

Progress = Callable[[str, int, int, dict[str, Any]], None]


@dataclass
class Console:
    """One run's output.

    Attributes:
        json: Print one JSON object on stdout instead of text.
        quiet: No progress and no notes; warnings and errors stay.
        debug: Show the traceback of unexpected errors.
        how_to_go_on: What Ctrl-C prints; a command sets it when there is something to say.
        warnings: Everything warned of so far, for `--json`.
    """

    json: bool = False
    quiet: bool = False
    debug: bool = False
    out: TextIO = field(default_factory=lambda: sys.stdout)
    err: TextIO = field(default_factory=lambda: sys.stderr)
    how_to_go_on: str = "Run the same command to start again."
    warnings: list[str] = field(default_factory=list)

    def note(self, text: str) -> None:
        """Tell what happens now."""
        if not self.quiet:
            print(text, file=self.err, flush=True)

    def warn(self, text: str) -> None:
        """Tell what is odd, once."""
        if text not in self.warnings:
            self.warnings.append(text)
            print(f"warning: {text}", file=self.err, flush=True)

    def result(self, text: str, facts: dict[str, Any]) -> None:
        """The outcome: `text` for people, or `facts` with the warnings as one JSON object."""
        if self.json:
            print(json.dumps({"ok": True, **facts, "warnings": self.warnings}), file=self.out, flush=True)
        else:
            print(text, file=self.out, flush=True)

    def error(self, error: MimictalkError) -> None:
        """At most three lines on stderr, the code at their end; with `--json` also an object on stdout."""
        lines = "\n".join(str(error).splitlines()[:3])
        print(f"{lines} [{error.code}]" if error.code else lines, file=self.err, flush=True)
        if self.json:
            content = {
                "ok": False,
                "exit_code": error.exit_code,
                "error": {**error.as_dict(), "code": error.code},
            }
            print(json.dumps({**content, "warnings": self.warnings}), file=self.out, flush=True)

    @contextmanager
    def progress(self) -> Iterator[Progress]:
        """Give a function `(stage, done, total, facts)` that shows how far a job is and when it will end.

        The first call of a stage says what was done before; a total of 0 is not known.
        """
        if self.quiet:
            yield lambda stage, done, total, facts: None
        elif os.environ.get("MIMICTALK_PROGRESS") == "json":
            yield _JsonLines(self.err)
        elif self.err.isatty():
            with _bars(self.err) as show:
                yield show
        else:
            yield _Lines(self.err)


@contextmanager
def _bars(stream: TextIO) -> Iterator[Progress]:
    from rich.console import Console as Terminal
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        TextColumn,
        TimeElapsedColumn,
    )
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[left]}"),
        TextColumn("{task.fields[facts]}"),
    )
    with Bars(*columns, console=Terminal(file=stream)) as bars:
        tasks: dict[str, Any] = {}
        time_left = TimeLeft()

        def show(stage: str, done: int, total: int, facts: dict[str, Any]) -> None:
            if stage not in tasks:
                # What was done before counts as done, not as fast.
                tasks[stage] = bars.add_task(stage, total=total or None, completed=done, facts="", left="")
            left = time_left(stage, done, total, time.monotonic())
            bars.update(
                tasks[stage],
                completed=done,
                total=total or None,
                facts=_show_facts(facts),
                left="" if left is None or done >= total else f"{show_duration(left)} left",
            )

        yield show


class _JsonLines:
    """Progress for a program that reads it: one object a line, at most ten in a second within a stage."""

    def __init__(self, stream: TextIO, interval: float = 0.1) -> None:
        self._stream, self._interval = stream, interval
        self._stage, self._printed, self._left = "", 0.0, TimeLeft()

    def __call__(self, stage: str, done: int, total: int, facts: dict[str, Any]) -> None:
        now = time.monotonic()
        left = self._left(stage, done, total, now)
        if stage == self._stage and done != total and now - self._printed < self._interval:
            return
        self._stage, self._printed = stage, now
        told = {"stage": stage, "done": done, "total": total, "left": left, "facts": facts}
        print(json.dumps(told, default=str), file=self._stream, flush=True)


class _Lines:
    """Progress where there is no terminal: a line when a stage starts, then at most one per ten seconds."""

    def __init__(self, stream: TextIO, interval: float = 10.0) -> None:
        self._stream, self._interval = stream, interval
        self._stage, self._printed, self._left = "", 0.0, TimeLeft()

    def __call__(self, stage: str, done: int, total: int, facts: dict[str, Any]) -> None:
        now = time.monotonic()
        left = self._left(stage, done, total, now)
        if stage != self._stage:
            self._stage, self._printed = stage, float("-inf")
        if (done < total or not total) and now - self._printed < self._interval:
            return
        self._printed = now
        rest = f", {left:.0f} s left" if left is not None and done < total else ""
        extra = f" ({_show_facts(facts)})" if facts else ""
        of = f"/{total}" if total else ""
        print(f"{stage}: {done}{of}{rest}{extra}", file=self._stream, flush=True)


def _show_facts(facts: dict[str, Any]) -> str:
    facts = {"loss": facts["loss"]} if "loss" in facts else facts  # its terms would fill the line
    return ", ".join(f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v}" for k, v in facts.items())
