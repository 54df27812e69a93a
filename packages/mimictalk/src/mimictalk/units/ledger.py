"""What became of each unit, line by line on disk: a run that is begun again goes on behind it."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from mimictalk.units.unit import Outcome, Runner, Unit


class Ledger:
    """Outcomes in a file of JSON lines, the last line of a name counting.

    A line that a killed process left unfinished is ignored.

    Args:
        path: The file; made with its folder when the first outcome is written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.outcomes: dict[str, Outcome] = {}
        if path.is_file():
            for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
                outcome = _read(line)
                if outcome is not None:
                    self.outcomes[outcome.name] = outcome

    def add(self, outcome: Outcome) -> None:
        """Write an outcome down; it is on the disk when this returns."""
        self.outcomes[outcome.name] = outcome
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab") as file:
            if file.tell() and not _ends_with_newline(self.path):
                file.write(b"\n")
            file.write(json.dumps(outcome.as_dict()).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def run(
        self, units: list[Unit], runner: Runner, still_good: Callable[[Outcome], bool] = lambda outcome: True
    ) -> Iterator[Outcome]:
        """Do the units that are not done yet, and tell every unit's outcome.

        Args:
            units: With names of their own.
            runner: Where the work is done.
            still_good: Whether what a finished unit made is still there.
        """
        rest = []
        for unit in units:
            known = self.outcomes.get(unit.name)
            if known is not None and known.done and still_good(known):
                yield known
            else:
                rest.append(unit)
        for outcome in runner.run(rest):
            self.add(outcome)
            yield outcome


def _read(line: str) -> Outcome | None:
    try:
        content: dict[str, Any] = json.loads(line)
        return Outcome(**content)
    except (ValueError, TypeError):
        return None


def _ends_with_newline(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"
