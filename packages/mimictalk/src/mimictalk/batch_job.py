"""A list of adapt and render jobs, done in the order that they need, each once (`mimictalk batch`)."""

import hashlib
import io
import json
from pathlib import Path
from typing import Any

from mimictalk import __version__
from mimictalk.batch_list import COMMANDS, BatchJob
from mimictalk.console import Console
from mimictalk.errors import AvatarError, InputError, MimictalkError, RunError
from mimictalk.manifest import MANIFEST, sha256_file
from mimictalk.units.ledger import Ledger
from mimictalk.units.unit import Outcome, Runner, Unit

WORK = "mimictalk.batch_job:do_job"
LEDGER, PLAN, REPORT = "progress.jsonl", "plan.json", "report.json"


def run_batch(jobs: list[BatchJob], folder: Path, runner: Runner, console: Console) -> dict[str, Any]:
    """Do what is not done yet; returns the report.

    Args:
        jobs: Checked.
        folder: For ledger and report; the same folder goes on with the same list.
        runner: Where the work is done.
        console: For progress and warnings.

    Raises:
        InputError: If an output is there that this batch has not made.
    """
    _claim_outputs(jobs, folder)
    book = Ledger(folder / LEDGER)
    outcomes: dict[int, Outcome] = {}
    with console.progress() as show:
        show("jobs", 0, len(jobs), {})
        for wave in _waves(jobs):
            units: dict[str, BatchJob] = {}
            for job in wave:
                blocked = [line for line in job.needs if not outcomes[line].done]
                if blocked:
                    outcomes[job.line] = _blocked(job, blocked[0])
                else:
                    units[_key(job)] = job
            work = [
                Unit(key, WORK, {"arguments": job.arguments(), "out": str(job.made)}, job.device)
                for key, job in units.items()
            ]
            for outcome in book.run(work, runner, still_good=_still_good):
                outcomes[units[outcome.name].line] = outcome
                failed = sum(not o.done for o in outcomes.values())
                show("jobs", len(outcomes), len(jobs), {"failed": failed} if failed else {})
    entries = [_entry(job, outcomes[job.line]) for job in jobs]
    report = {
        "tool": f"mimictalk {__version__}",
        "jobs": len(jobs),
        "failed": sum(entry["state"] == "failed" for entry in entries),
        "entries": entries,
    }
    from mimictalk.atomic import write_bytes

    write_bytes(folder / REPORT, (json.dumps(report, indent=1) + "\n").encode())
    return report


def do_job(task: dict[str, Any]) -> dict[str, Any]:
    """The work of one unit: one command line in this process, on the device that this process has."""
    from mimictalk.cli import run

    arguments = [*task["arguments"], "--json", "--quiet"]
    if arguments[0] in COMMANDS:
        arguments += ["--device", task["device"]]
    if arguments[0] == "adapt":
        arguments.append("--force")  # what is there is this batch's own, of an attempt that was killed
    out, err = io.StringIO(), io.StringIO()
    code = run(arguments, out, err)
    lines = out.getvalue().splitlines()
    said: dict[str, Any] = json.loads(lines[-1]) if lines else {}
    if code != 0:
        kinds: dict[int, type[MimictalkError]] = {1: RunError, 2: InputError}
        error = said.get("error", {"subject": arguments[0], "cause": err.getvalue()[-200:], "cure": ""})
        raise kinds.get(code, RunError)(error["subject"], error["cause"], error["cure"])
    made = Path(task["out"])
    return {"out": str(made), "sha256": output_hash(made), "warnings": said.get("warnings", [])}


def output_hash(path: Path) -> str:
    """sha256 of a video; of an avatar's manifest, which holds the hashes of its parts; of all pictures."""
    if not path.is_dir():
        return sha256_file(path)
    if (path / MANIFEST).is_file():
        return sha256_file(path / MANIFEST)
    pictures = {file.name: sha256_file(file) for file in sorted(path.iterdir()) if file.is_file()}
    if not pictures:
        raise FileNotFoundError(path)
    return hashlib.sha256(json.dumps(pictures).encode()).hexdigest()


def as_table(report: dict[str, Any]) -> str:
    """The report for people."""
    rows = [("line", "command", "state", "device", "seconds", "output")]
    for entry in report["entries"]:
        shown = entry["out"] if entry["state"] == "done" else entry["error"]["cause"]
        rows.append(
            (
                str(entry["line"]),
                entry["command"],
                entry["state"],
                entry["device"],
                f"{entry['seconds']:.1f}",
                shown,
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, [*widths, 0], strict=True)) for row in rows
    ]
    return "\n".join(line.rstrip() for line in lines)


def _waves(jobs: list[BatchJob]) -> list[list[BatchJob]]:
    """Jobs that need none, then those that need only these, and so on."""
    depth: dict[int, int] = {}
    for job in jobs:  # a job needs earlier lines only
        depth[job.line] = 1 + max((depth[line] for line in job.needs), default=-1)
    return [[job for job in jobs if depth[job.line] == level] for level in sorted(set(depth.values()))]


def _key(job: BatchJob) -> str:
    """Name of a job: what it is told and what is in the files it reads."""
    reads = {
        name: output_hash(Path(job.fields[name]))
        for name in COMMANDS[job.command]["reads"]
        if name in job.fields
    }
    content = json.dumps([__version__, job.command, job.fields, reads], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:32]


def _still_good(outcome: Outcome) -> bool:
    try:
        return output_hash(Path(outcome.facts["out"])) == outcome.facts["sha256"]
    except OSError:
        return False


def _claim_outputs(jobs: list[BatchJob], folder: Path) -> None:
    """Write down what this batch will make, so that a later run knows it from what others made."""
    from mimictalk.atomic import write_bytes

    plan = folder / PLAN
    claimed: list[str] = json.loads(plan.read_text()) if plan.is_file() else []
    outs = [str(job.made.absolute()) for job in jobs]
    foreign = [out for out in outs if out not in claimed and Path(out).exists()]
    if foreign:
        raise InputError(foreign[0], "it is there already and not of this batch", "Move it away, or rename.")
    write_bytes(plan, json.dumps(sorted({*claimed, *outs}), indent=1).encode())


def _blocked(job: BatchJob, line: int) -> Outcome:
    error = AvatarError(job.out, f"line {line}, whose output it needs, failed", "Mend that line first.")
    return Outcome(f"line {job.line}", False, error=error.as_dict(), attempts=0)


def _entry(job: BatchJob, outcome: Outcome) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "line": job.line,
        "command": job.command,
        "arguments": job.arguments(),
        "state": "done" if outcome.done else "failed",
        "seconds": round(outcome.seconds, 2),
        "attempts": outcome.attempts,
        "device": outcome.device,
        "out": job.out,
    }
    return entry | ({"sha256": outcome.facts["sha256"]} if outcome.done else {"error": outcome.error})
