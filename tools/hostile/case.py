"""One bad input: how it is made, which command meets it, which verdict is wanted."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

REFUSED, USED = frozenset({2}), frozenset({0})
EITHER = USED | REFUSED  # used with a warning or refused with a reason: the rest of the rules still holds
FILE = "{}"  # in a command: the file that was made
GROUPS = {
    "video": 140,
    "audio": 80,
    "content": 80,
    "names": 60,
    "artefacts": 40,
}  # and how many each has at least


@dataclass(frozen=True)
class Case:
    """A bad input and its verdict.

    Attributes:
        group: Of `GROUPS`.
        name: Unique in its group; also the name of the file, where `file` says nothing else.
        build: Makes the input at a path.
        command: Arguments of `mimictalk`; FILE stands for the input.
        exits: The exit codes that are right.
        word: Must appear in what is said on stderr.
        file: Name of the input.
        quick: Costs little enough for every run of the tests.
    """

    group: str
    name: str
    build: Callable[[Path], object]
    command: tuple[str, ...]
    exits: frozenset[int] = REFUSED
    word: str = ""
    file: str = ""
    quick: bool = False

    @property
    def key(self) -> str:
        """Unique among all."""
        return f"{self.group}/{self.name}"

    def arguments(self) -> list[str]:
        """The command line."""
        name = self.file or self.name
        return [name if part == FILE else part for part in self.command]


def content(data: bytes) -> Callable[[Path], object]:
    """Builds a file of these bytes."""
    return lambda path: path.write_bytes(data)
