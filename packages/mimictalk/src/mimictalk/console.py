"""What the user sees: results on stdout, everything else on stderr."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TextIO

from mimictalk.errors import MimictalkError

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
        """At most three lines on stderr; with `--json` also an object on stdout."""
        print("\n".join(str(error).splitlines()[:3]), file=self.err, flush=True)
        if self.json:
            content = {"ok": False, "exit_code": error.exit_code, "error": error.as_dict()}
            print(json.dumps({**content, "warnings": self.warnings}), file=self.out, flush=True)

    @contextmanager
    def progress(self) -> Iterator[Progress]:
        """Give a function `(stage, done, total, facts)` that shows how far a job is and when it will end."""
        if self.quiet:
            yield lambda stage, done, total, facts: None
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
        TimeRemainingColumn,
    )
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[facts]}"),
    )
    with Bars(*columns, console=Terminal(file=stream)) as bars:
        tasks: dict[str, Any] = {}

        def show(stage: str, done: int, total: int, facts: dict[str, Any]) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total, facts="")
            bars.update(tasks[stage], completed=done, total=total, facts=_show_facts(facts))

        yield show


class _Lines:
    """Progress where there is no terminal: a line when a stage starts, then at most one per ten seconds."""

    def __init__(self, stream: TextIO, interval: float = 10.0) -> None:
        self._stream, self._interval = stream, interval
        self._stage, self._started, self._printed = "", 0.0, 0.0

    def __call__(self, stage: str, done: int, total: int, facts: dict[str, Any]) -> None:
        now = time.monotonic()
        if stage != self._stage:
            self._stage, self._started, self._printed = stage, now, float("-inf")
        if done < total and now - self._printed < self._interval:
            return
        self._printed = now
        elapsed = now - self._started
        known = 0 < done < total and elapsed >= 1  # the first moments tell nothing about the rest
        left = f", {elapsed * (total - done) / done:.0f} s left" if known else ""
        extra = f" ({_show_facts(facts)})" if facts else ""
        print(f"{stage}: {done}/{total}{left}{extra}", file=self._stream, flush=True)


def _show_facts(facts: dict[str, Any]) -> str:
    facts = {"loss": facts["loss"]} if "loss" in facts else facts  # its terms would fill the line
    return ", ".join(f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v}" for k, v in facts.items())
