"""One case run by the real program, in a process of its own, and what is wrong with how it went.

The process is forked from one that has loaded the libraries: what it does is what `mimictalk` does, without the
seconds that loading takes.
"""

import json
import os
import re
import resource
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from hostile.case import Case

MOST_MEMORY = 1_000_000_000  # bytes, of the process and of those it starts
MOST_CPU = 120  # seconds of computing, then it hangs
MOST_WALL = 900.0  # seconds on a machine that is busy with other things
CODE = re.compile(r"\[MT-[A-Z]+-\d{3}\]$")
LEFT_OVER = re.compile(r"^\.mimictalk-|\.part$|\.tmp$")


@dataclass
class Running:
    """A case under way: its process, its folder, when it began."""

    case: Case
    process: int
    folder: Path
    began: float


def load() -> None:
    """Import what the commands use, once for all cases."""
    import av
    import mediapipe
    import torch

    import face3dmm.tracking
    import mimictalk.checking
    import mimictalk.motion_job
    import mimictalk.render_job  # noqa: F401

    av.logging.set_level(None)
    torch.set_num_threads(1)
    assert mediapipe and face3dmm


def start(case: Case, folder: Path) -> Running:
    """Make a case's input in an empty folder and run its command on it."""
    for name in ("work", "temporary", "home"):
        (folder / name).mkdir(parents=True)
    sys.stdout.flush()
    sys.stderr.flush()
    process = os.fork()
    if process == 0:
        _in_child(case, folder)
    return Running(case, process, folder, time.monotonic())


def _in_child(case: Case, folder: Path) -> None:
    code = 70
    try:
        os.setsid()
        work = folder / "work"
        os.chdir(work)
        os.environ.update(
            TMPDIR=str(folder / "temporary"), HOME=str(folder / "home"), COLUMNS="80", NO_COLOR="1"
        )
        for name in ("XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME"):
            os.environ[name] = str(folder / "home" / name)
        import tempfile

        tempfile.tempdir = None
        case.build(work / (case.file or case.name))
        before = sorted(str(path.relative_to(work)) for path in work.rglob("*"))
        (folder / "before.json").write_text(json.dumps(before))
        for number, name in ((0, os.devnull), (1, folder / "out"), (2, folder / "err")):
            opened = os.open(name, os.O_RDWR | os.O_CREAT)
            os.dup2(opened, number)
        sys.argv = ["mimictalk", *case.arguments()]
        resource.setrlimit(resource.RLIMIT_CPU, (MOST_CPU, MOST_CPU + 5))
        from mimictalk.cli import main

        main()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def finished(running: Running) -> dict[str, object] | None:
    """What became of a case: its name, what was wrong, exit code, seconds, memory; None while it runs."""
    took = time.monotonic() - running.began
    process, status, used = os.wait4(running.process, os.WNOHANG)
    if not process:
        if took < MOST_WALL:
            return None
        os.killpg(running.process, signal.SIGKILL)
        _, status, used = os.wait4(running.process, 0)
    code = os.waitstatus_to_exitcode(status)
    memory = 1024 * used.ru_maxrss
    said = running.folder / "err"
    text = said.read_text(errors="replace") if said.exists() else "the input could not be made"
    wrong = faults(running.case, code, text, running.folder, memory)
    shown = {"said": text[-600:]} if wrong else {}
    cpu = used.ru_utime + used.ru_stime
    return {
        "case": running.case.key,
        "wrong": wrong,
        "exit": code,
        "cpu": round(cpu, 2),
        "memory": memory,
        **shown,
    }


def faults(case: Case, code: int, text: str, folder: Path, memory: int) -> list[str]:
    """Every rule that was broken.

    Args:
        case: What was run.
        code: Exit code; negative for a signal.
        text: What was said on stderr.
        folder: Of the case: work, temporary, home, before.json, out.
        memory: Most bytes that were resident.
    """
    wrong = []
    if code not in case.exits:
        wrong.append(f"exit code {code}, wanted {sorted(case.exits)}")
    if "Traceback" in text or "this is a bug" in text:
        wrong.append("a traceback or a bug")
    told = [line for line in text.splitlines() if not line.startswith("warning: ")]
    if code == 2:
        if not 2 <= len(told) <= 3:
            wrong.append(f"{len(told)} lines, not cause and cure")
        elif not CODE.search(told[-1]):
            wrong.append("no code")
    elif code == 0 and told:
        wrong.append(f"{len(told)} lines that are no warnings")
    if case.word not in text:
        wrong.append(f"nothing of {case.word!r}")
    if memory > MOST_MEMORY:
        wrong.append(f"{memory / 1e6:.0f} MB of memory")
    return wrong + _left(code, folder)


def _left(code: int, folder: Path) -> list[str]:
    """Files that should not be there."""
    work = folder / "work"
    before = json.loads((folder / "before.json").read_text()) if (folder / "before.json").exists() else []
    new = [
        str(path.relative_to(work)) for path in work.rglob("*") if str(path.relative_to(work)) not in before
    ]
    left = [name for name in new if code != 0 or LEFT_OVER.search(Path(name).name)]
    left += [str(path.relative_to(folder)) for path in (folder / "temporary").rglob("*") if path.is_file()]
    wrong = [f"left behind: {', '.join(sorted(left)[:3])}"] if left else []
    output = folder / "out"
    if code not in (0, None) and output.exists() and output.stat().st_size:
        wrong.append("something on stdout although it was refused")
    return wrong
