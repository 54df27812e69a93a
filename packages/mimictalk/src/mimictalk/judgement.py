"""One judgement on a reference clip: go, warn or no-go, with the cure."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

GO, WARN, NO_GO = "go", "warn", "no-go"
GRADES = (GO, WARN, NO_GO)


@dataclass(frozen=True)
class Judgement:
    """What was looked at and how it is.

    Attributes:
        check: What was looked at.
        grade: `GO`; `WARN`: an avatar can be made, but a better one from another clip; `NO_GO`: none can.
        found: What was seen, in words.
        cure: What to do; empty where all is well.
        numbers: What was measured, by name.
    """

    check: str
    grade: str
    found: str
    cure: str = ""
    numbers: dict[str, float] | None = None

    def __post_init__(self) -> None:
        if self.grade not in GRADES:
            raise ValueError(f"Judgement.grade must be one of {GRADES}, got {self.grade!r}")
        if (self.grade == GO) == bool(self.cure):
            raise ValueError(f"{self.check}: a cure is for what is not well, got {self.cure!r}")

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return asdict(self)


def worst(judgements: Sequence[Judgement]) -> str:
    """The grade of the worst; go where there is none."""
    return max((one.grade for one in judgements), key=GRADES.index, default=GO)


def as_lines(judgements: Sequence[Judgement]) -> list[str]:
    """A table for a terminal, a line for each and its cure below."""
    width = max((len(one.check) for one in judgements), default=0)
    lines = []
    for one in judgements:
        lines.append(f"{one.grade:5}  {one.check:{width}}  {one.found}")
        if one.cure:
            lines.append(f"{'':5}  {'':{width}}  -> {one.cure}")
    return lines
