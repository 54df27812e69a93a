"""A piece of the program in a forked process that may be killed: it starts at once, for all is loaded."""

import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

CHANGES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "shutil.rmtree", "open"}
POLL = 0.002  # seconds
HANGS = 300  # seconds until a child that does not end is killed: a busy machine takes 20 times as long
UNEXPECTED, HUNG = 70, 71  # exit codes of a child whose work raised, or did not end


@dataclass(frozen=True)
class Outcome:
    """How a child ended: killed or not, its exit code (below 0: minus the signal), its time in seconds."""

    killed: bool
    code: int
    seconds: float


def forked(
    work: Callable[[], int], *, kill_after: float | None = None, watch: Callable[[], None] | None = None
) -> Outcome:
    """Do something in a child that ends with the number it returns.

    Args:
        work: What; its own process is the child.
        kill_after: Seconds after which it is killed.
        watch: Called again and again while it runs.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    began = time.monotonic()
    process = os.fork()
    if process == 0:
        code = UNEXPECTED
        try:
            code = work()
        except BaseException:
            import traceback

            traceback.print_exc()
            sys.stderr.flush()
        finally:
            os._exit(code)
    if kill_after is not None:
        time.sleep(kill_after)
        os.kill(process, signal.SIGKILL)
    ended, status = 0, 0
    while not ended and time.monotonic() - began < HANGS:
        if watch is not None:
            watch()
        time.sleep(POLL)
        ended, status = os.waitpid(process, os.WNOHANG)
    if not ended:
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
        return Outcome(True, HUNG, time.monotonic() - began)
    code = os.waitstatus_to_exitcode(status)
    return Outcome(code == -signal.SIGKILL, code, time.monotonic() - began)


def killed_before(number: int | None, note: Callable[[int, str], object]) -> Callable[[str], None]:
    """A function to tell events to, one after another; before event `number` happens this process is killed.

    Args:
        number: Counted from 0; None for no kill.
        note: Called with how many there were, this one counted, and the event.
    """
    seen = 0

    def happens(event: str) -> None:
        nonlocal seen
        if seen == number:
            os.kill(os.getpid(), signal.SIGKILL)
        seen += 1
        note(seen, event)

    return happens


def at_each_change(folder: str, change: Callable[[str], None]) -> None:
    """Have `change` called right before every change of the disk under `folder` that Python makes.

    Args:
        folder: Part of the names that count.
        change: Gets what is about to happen: "open", "os.rename", ..., "fsync" and the file's name.
    """

    def audit(event: str, details: tuple[Any, ...]) -> None:
        if event in CHANGES and folder in str(details[0]):
            if event == "open" and not (isinstance(details[1], str) and set(details[1]) & set("wax+")):
                return
            change(f"{event} {details[0]}")

    flush = os.fsync

    def told_fsync(descriptor: int) -> None:
        change(f"fsync {os.readlink(f'/proc/self/fd/{descriptor}') if sys.platform == 'linux' else ''}")
        flush(descriptor)

    os.fsync = told_fsync
    sys.addaudithook(audit)
