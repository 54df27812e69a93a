"""Job lists of `mimictalk batch`: JSON lines or CSV, checked as a whole before anything runs."""

import csv
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mimictalk.errors import InputError
from mimictalk.transparency import OPTION, check_transparent
from mimictalk.units.devices import ANY, DEVICES

CONTROLS = ("pose", "mouth", "blink", "gaze")
# Per command: files it reads, options it takes as they are, those that are on or off, and what it needs.
COMMANDS: dict[str, dict[str, tuple[str, ...]]] = {
    "adapt": {
        "reads": ("video", "segmenter"),
        "options": ("steps", "budget", "first", "seed", "consent", "licence"),
        "flags": (),
        "needs": ("video", "out"),
    },
    "render": {
        "reads": ("avatar", "audio", "drive", "style"),
        "options": ("style-strength", *CONTROLS, "drive-pose", "background", "size", "seed"),
        "flags": ("transparent",),
        "needs": ("avatar", "out"),
    },
    "oneshot": {
        "reads": ("portrait", "audio", "drive", "style"),
        "options": ("style-strength", *CONTROLS, "drive-pose", "background", "size", "seed"),
        "flags": ("transparent",),
        "needs": ("portrait", "out"),
    },
}
POSITIONAL = ("video", "avatar", "portrait")
ON, OFF = "true", "false"
DEVICE = "device"  # what a job asks for, whatever its command
SHOWN = 2  # faults that fit into an error of three lines


@dataclass(frozen=True)
class BatchJob:
    """One line of a list.

    Attributes:
        line: Number in the file, from 1.
        command: adapt, render or oneshot.
        fields: Everything else that the line says, as text; a flag that is on is "true".
        needs: Lines whose output this one reads.
        device: What it asks for: cpu, cuda or any.
    """

    line: int
    command: str
    fields: dict[str, str]
    needs: tuple[int, ...] = field(default=())
    device: str = ANY

    @property
    def out(self) -> str:
        """What it makes: a file, a folder, or the pattern of the names of pictures."""
        return self.fields["out"]

    @property
    def made(self) -> Path:
        """Where that lies: of pictures the folder."""
        out = Path(self.out)
        return out.parent if "transparent" in self.fields and out.suffix.lower() == ".png" else out

    def arguments(self) -> list[str]:
        """The command line that does it."""
        first = [self.fields[name] for name in POSITIONAL if name in self.fields]
        rest = [
            part
            for name, value in self.fields.items()
            if name not in POSITIONAL
            for part in ((f"--{name}",) if name in COMMANDS[self.command]["flags"] else (f"--{name}", value))
        ]
        return [self.command, *first, *rest]


def read_jobs(path: Path) -> list[BatchJob]:
    """Read and check a whole list; relative names count from its folder.

    Raises:
        InputError: With the numbers of the lines at fault.
    """
    jobs, faults = [], []
    outs: dict[str, int] = {}
    for number, row in _rows(path):
        said = {str(name): value for name, value in row.items() if value not in (None, "")}
        fault = _fault(said) or _transparent_fault(said)
        if fault:
            faults.append(f"line {number}: {fault}")
            continue
        command, device = str(said.pop("command")), str(said.pop(DEVICE, ANY))
        on = {
            name: value for name, value in said.items() if _text(value) != OFF or not _is_flag(command, name)
        }
        fields = {name: _placed(path.parent, command, name, _text(value)) for name, value in on.items()}
        out = _absolute(str(BatchJob(number, command, fields).made))
        if out in outs:
            faults.append(f"line {number}: writes {fields['out']!r}, as line {outs[out]} does")
        outs[out] = number
        reads = [fields[name] for name in COMMANDS[command]["reads"] if name in fields]
        needs = tuple(outs[made] for made in map(_absolute, reads) if outs.get(made, number) != number)
        missing = [r for r in reads if _absolute(r) not in outs and not Path(r).exists()]
        if missing:
            faults.append(f"line {number}: {missing[0]!r} is not there")
        jobs.append(BatchJob(number, command, fields, needs, device))
    _refuse(path, faults)
    if not jobs:
        raise InputError(path, "there is no job in it", 'Give lines such as {"command": "render", ...}.')
    return jobs


def check_devices(path: Path, jobs: list[BatchJob], kinds: set[str]) -> None:
    """Refuse jobs that ask for a device of which there is none.

    Args:
        path: Of the list.
        jobs: Its lines.
        kinds: Of devices that are there.

    Raises:
        InputError: With the numbers of the lines at fault.
    """
    there = ", ".join(sorted(kinds))
    _refuse(
        path,
        [
            f"line {job.line}: asks for {job.device}, and the only devices are {there}"
            for job in jobs
            if job.device not in (ANY, *kinds)
        ],
    )


def _refuse(path: Path, faults: list[str]) -> None:
    if faults:
        more = f"; {len(faults) - SHOWN} more lines are at fault" if len(faults) > SHOWN else ""
        raise InputError(path, "; ".join(faults[:SHOWN]) + more, "Mend these lines; nothing was run.")


def _absolute(name: str) -> str:
    return str(Path(name).absolute())


def _placed(folder: Path, command: str, name: str, value: str) -> str:
    if name in (*COMMANDS[command]["reads"], "out") and not Path(value).is_absolute():
        return str(folder / value)
    return value


def _fault(said: dict[str, Any]) -> str | None:
    command = said.get("command")
    if command not in COMMANDS:
        return f"command must be one of {', '.join(COMMANDS)}, got {command!r}"
    known = COMMANDS[command]
    allowed = ("command", DEVICE, "out", *known["reads"], *known["options"], *known["flags"])
    unknown = [name for name in said if name not in allowed]
    if unknown:
        return f"{unknown[0]!r} is unknown for {command}; known are {', '.join(allowed)}"
    if said.get(DEVICE, ANY) not in DEVICES:
        return f"{DEVICE!r} must be one of {', '.join(DEVICES)}, got {said[DEVICE]!r}"
    missing = [name for name in known["needs"] if name not in said]
    if missing:
        return f"{command} needs {missing[0]!r}"
    if any(isinstance(value, list | dict) for value in said.values()):
        return "every value must be a text or a number"
    unclear = [name for name in known["flags"] if _text(said.get(name, OFF)) not in (ON, OFF)]
    if unclear:
        return f"{unclear[0]!r} must be true or false, got {said[unclear[0]]!r}"
    if command != "adapt" and ("audio" in said) == ("drive" in said):
        return f"{command} needs either 'audio' or 'drive'"
    return None


def _transparent_fault(said: dict[str, Any]) -> str | None:
    """What contradicts `transparent`, as `mimictalk render` would say it."""
    if _text(said.get("transparent", OFF)) != ON:
        return None
    try:
        check_transparent(Path(str(said["out"])), str(said.get("background", "keep")), piped=False)
    except InputError as error:
        subject = "'transparent'" if error.subject == OPTION else repr(str(said["out"]))
        return f"{subject}: {error.cause}"
    return None


def _is_flag(command: str, name: str) -> bool:
    return name in COMMANDS[command]["flags"]


def _text(value: Any) -> str:
    """A value of a list; true and false as JSON writes them."""
    return str(value).lower() if isinstance(value, bool) or str(value).lower() in (ON, OFF) else str(value)


def _rows(path: Path) -> list[tuple[int, dict[str, Any]]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = (
            (error.strerror or "cannot be read") if isinstance(error, OSError) else "it is not UTF-8 text"
        )
        raise InputError(path, reason, "Give a list of jobs, .jsonl or .csv.") from None
    if path.suffix.lower() == ".csv":
        reader = csv.DictReader(text.splitlines())
        return [(reader.line_num, {k: v for k, v in row.items() if k is not None}) for row in reader]
    rows = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise InputError(
                path, f"line {number} is not JSON ({error})", "Write one JSON object per line."
            ) from None
        if not isinstance(row, dict):
            raise InputError(path, f"line {number} is no JSON object", "Write one JSON object per line.")
        rows.append((number, row))
    return rows
