"""Work for the tests of `mimictalk.units`: it counts how often it was begun, and dies as it is told."""

import os
import signal
import time
from pathlib import Path
from typing import Any

from mimictalk.errors import InputError


def square(task: dict[str, Any]) -> dict[str, Any]:
    """task: number, folder; `dies` is how many of its processes are to be killed."""
    folder = Path(task["folder"])
    begun = folder / f"begun-{task['number']}"
    with begun.open("ab") as file:
        file.write(b".")
    time.sleep(task.get("seconds", 0))
    if begun.stat().st_size <= task.get("dies", 0):
        os.kill(os.getpid(), signal.SIGKILL)
    (folder / f"{task['number']}.txt").write_text(str(task["number"] ** 2))
    return {"square": task["number"] ** 2, "process": os.getpid()}


def refuse(task: dict[str, Any]) -> dict[str, Any]:
    """A task at fault."""
    raise InputError(task["number"], "cannot be squared", "Give another.")


def stumble(task: dict[str, Any]) -> dict[str, Any]:
    """A bug."""
    raise KeyError("oops")


def stay(task: dict[str, Any]) -> dict[str, Any]:
    """Write down when this process was busy and what it was given: `device`, and what CUDA may show it."""
    begin = time.monotonic()
    time.sleep(task["seconds"])
    shown = os.environ.get("CUDA_VISIBLE_DEVICES", "all")
    return {"device": task["device"], "shown": shown, "process": os.getpid(),
            "busy": [begin, time.monotonic()]}  # fmt: skip
