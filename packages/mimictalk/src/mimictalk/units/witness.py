"""Work that says who began it: what proves that nothing was done twice (tools/bench/scale.py)."""

import os
import resource
import sys
from pathlib import Path
from typing import Any

from mimictalk.units.unit import find_work

PEAK_UNIT = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss, in bytes


def witnessed(task: dict[str, Any]) -> dict[str, Any]:
    """Do other work, after a line with this process's number in a file of the unit.

    Args:
        task: `work` and `task` of that work; `note`, the file; `device`, which is handed on.

    Returns:
        The facts of the work with `process`, and `peak_bytes`, the most memory that the process ever held.
    """
    with Path(task["note"]).open("ab") as note:
        note.write(b"%d\n" % os.getpid())
    facts = find_work(task["work"])({**task["task"], "device": task["device"]})
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * PEAK_UNIT
    return {**facts, "process": os.getpid(), "peak_bytes": peak}
