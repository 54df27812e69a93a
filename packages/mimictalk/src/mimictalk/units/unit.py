"""A piece of work that can be done twice without harm, and what became of it."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from importlib import import_module
from typing import Any, Protocol

from mimictalk.units.devices import CPU, kind_of

ATTEMPTS = 3  # a unit whose process dies so often is given up


@dataclass(frozen=True)
class Unit:
    """One piece of work.

    Attributes:
        name: The same for the same work: a unit that is done under its name is not done again.
        work: "module:function" that takes `task` and returns JSON-able facts; an InputError of any of our
            packages means that the task is at fault and another attempt would end alike.
        task: JSON-able arguments; the work finds `device` among them, the kind that it runs on.
        device: What it asks for: "cpu", "cuda", or "any" of them.
    """

    name: str
    work: str
    task: dict[str, Any]
    device: str = CPU


@dataclass(frozen=True)
class Outcome:
    """What became of a unit.

    Attributes:
        name: Of the unit.
        done: Whether it was finished.
        facts: What the work returned.
        error: subject, cause and cure where it was not.
        seconds: Of the last attempt.
        attempts: Processes that were set on it.
        device: That it ran on, the last time.
    """

    name: str
    done: bool
    facts: dict[str, Any] = field(default_factory=dict)
    error: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    attempts: int = 1
    device: str = ""

    def as_dict(self) -> dict[str, Any]:
        """A JSON-able dictionary; `Outcome(**d)` reads it back."""
        return asdict(self)


class Runner(Protocol):
    """Where units are done: `LocalPool` or `RayCluster`."""

    def run(self, units: list[Unit]) -> Iterator[Outcome]:
        """Every unit's outcome, in the order in which they end."""
        ...

    def kinds(self) -> set[str]:
        """What it has slots of: "cpu", "cuda"."""
        ...


def do_unit(unit: Unit, slot: str = CPU) -> Outcome:
    """Do a unit in this process, on the device `slot`; what a user could mend becomes the outcome's error."""
    import time

    from mimictalk.errors import explain

    begin = time.monotonic()
    try:
        facts = find_work(unit.work)({**unit.task, "device": kind_of(slot)})
    except Exception as error:
        known = explain(error)
        said = (
            known.as_dict()
            if known is not None
            else {
                "subject": unit.name,
                "cause": f"this is a bug: {type(error).__name__}: {' '.join(str(error).split())[:200]}",
                "cure": "",
            }
        )
        return Outcome(unit.name, False, error=said, seconds=time.monotonic() - begin, device=slot)
    return Outcome(unit.name, True, facts, seconds=time.monotonic() - begin, device=slot)


def find_work(name: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """The function that "module:function" names.

    Raises:
        ValueError: If it is none of ours.
    """
    module, _, function = name.partition(":")
    if module.split(".")[0] not in ("mimictalk", "unit_work"):  # the second is the tests'
        raise ValueError(f"{name!r} is no work of this package")
    found: Callable[[dict[str, Any]], dict[str, Any]] = getattr(import_module(module), function)
    return found


def idle(task: dict[str, Any]) -> dict[str, Any]:
    """No work at all: what a unit costs beyond its work."""
    return {}


def gave_up(unit: Unit, attempts: int, slot: str) -> Outcome:
    """The outcome of a unit whose processes all died."""
    cause = f"its process died {attempts} times, perhaps for want of memory"
    error = {"subject": unit.name, "cause": cause, "cure": "Try it alone, or with fewer workers."}
    return Outcome(unit.name, False, error=error, attempts=attempts, device=slot)
