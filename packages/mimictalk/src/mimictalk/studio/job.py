"""What is known about one job."""

from dataclasses import dataclass, field
from typing import Any, Literal, get_args

State = Literal["queued", "running", "paused", "done", "failed", "cancelled"]
Kind = Literal["check", "adapt", "render", "motion"]
STATES: tuple[str, ...] = get_args(State)
OVER = ("done", "failed", "cancelled")


@dataclass(frozen=True)
class Job:
    """One row of the store.

    Attributes:
        id: 32 hexadecimal digits.
        kind: What it does.
        owner: Who asked for it.
        state: Where it stands.
        title: For people.
        options: What was asked for, JSON-able; files by the name they have in the job's folder.
        wanted: "", "pause" or "cancel": what the worker should do about it.
        device: That runs or ran it; empty before.
        stage: Of the work at hand.
        done, total: Of the stage; a total of 0 is not known.
        eta_s: Seconds left in this stage; None where not known.
        result: What came out, JSON-able.
        error: subject, cause and cure of a failure.
        warnings: What was odd.
        starts: How often it was started since it was last asked for.
        created, started, finished: Unix seconds; None for what has not happened.
        version: Of the store when this row last changed.
    """

    id: str
    kind: Kind
    owner: str
    state: State
    title: str
    options: dict[str, Any]
    wanted: str = ""
    device: str = ""
    stage: str = ""
    done: int = 0
    total: int = 0
    eta_s: float | None = None
    result: dict[str, Any] | None = None
    error: dict[str, str] | None = None
    warnings: list[str] = field(default_factory=list)
    starts: int = 0
    created: float = 0.0
    started: float | None = None
    finished: float | None = None
    version: int = 0

    @property
    def is_over(self) -> bool:
        return self.state in OVER
