"""Run a command of the app and measure what it costs: wall time, CPU time and memory of all its processes."""

import json
import os
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

SAMPLE_SECONDS = 0.2
GIGABYTE = 1e9


@dataclass(frozen=True)
class Run:
    """What a finished command cost and said.

    Attributes:
        seconds: Wall time.
        cpu_seconds: User and system time of the command and of its finished children.
        peak_gb: Highest resident memory in 1e9 bytes, summed over the process tree every 0.2 s (pages that
            two processes share count twice, so this is an upper bound), at least the kernel's own record of
            the largest single process. (Not `ru_maxrss`: a child's begins with what its parent held.)
        result: The JSON object on the last line of stdout, empty when there is none.
    """

    seconds: float
    cpu_seconds: float
    peak_gb: float
    result: dict[str, Any]


class CommandFailed(RuntimeError):
    """A measured command ended with an exit code other than 0; the message holds the end of its log."""


def resident_bytes(process: psutil.Process) -> int:
    """Return the resident memory of a process and its descendants; processes that just ended count 0."""
    total = 0
    try:
        for each in [process, *process.children(recursive=True)]:
            total += each.memory_info().rss
    except psutil.Error:  # one ended between the listing and the question; the next sample is complete
        pass
    return total


def largest_bytes(process: psutil.Process) -> int:
    """Return the most that a process or one of its descendants has held, by Linux's record; else 0."""
    found = [0]
    for each in [process, *process.children(recursive=True)]:
        try:
            lines = Path(f"/proc/{each.pid}/status").read_text().splitlines()
        except OSError:  # it just ended, or this is no Linux
            continue
        found += [int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM")]
    return max(found)


def last_json(text: str) -> dict[str, Any]:
    """Return the JSON object on the last line of a command's output, or an empty one."""
    lines = text.strip().splitlines()
    try:
        found = json.loads(lines[-1]) if lines else {}
    except json.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def run(arguments: list[str], log: Path, environment: dict[str, str] | None = None) -> Run:
    """Run a command to its end and measure it.

    Args:
        arguments: The program and its arguments.
        log: File that receives the command line and its stderr.
        environment: Variables to set besides the present ones.

    Returns:
        Costs and result.

    Raises:
        CommandFailed: If the exit code is not 0.
    """
    print("  $", " ".join(arguments), file=sys.stderr, flush=True)
    output = log.with_suffix(".out")
    with output.open("w") as out, log.open("w") as err:
        err.write(" ".join(arguments) + "\n")
        err.flush()
        started, peak, usage = time.monotonic(), 0, None
        process = subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            env={**os.environ, **(environment or {})},
        )
        watched = psutil.Process(process.pid)
        while usage is None:
            time.sleep(SAMPLE_SECONDS)
            with suppress(psutil.Error):  # it has ended
                peak = max(peak, resident_bytes(watched), largest_bytes(watched))
            ended, status, found = os.wait4(process.pid, os.WNOHANG)
            usage = found if ended else None
        seconds = time.monotonic() - started
        process.returncode = os.waitstatus_to_exitcode(status)  # so that Popen does not wait once more
    if process.returncode:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-8:])
        raise CommandFailed(f"exit code {process.returncode} from {' '.join(arguments)}\n{tail}")
    return Run(seconds, usage.ru_utime + usage.ru_stime, peak / GIGABYTE, last_json(output.read_text()))
