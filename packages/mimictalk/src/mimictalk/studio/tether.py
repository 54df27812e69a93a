"""A command of this program that ends with the worker that started it:

python -m mimictalk.studio.tether STEP BYTES ARGUMENTS...      in the job's folder, stdin being the leash

The worker holds the other end of stdin. When the worker dies, however it dies, stdin ends, and this process
stops as after SIGTERM: adapting and rendering keep what they have done. A lock makes the next run of the same
job wait until this one has gone. Exit code and result are on the disk before the process ends.
"""

import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from mimictalk.atomic import write_bytes

GRACE_SECONDS = 10.0
LOCK = "lock"


def run(main: Callable[[], object], arguments: list[str]) -> int:
    """Run a command on the leash; returns its exit code.

    Args:
        main: Reads `sys.argv`; may raise SystemExit.
        arguments: Name of the step, largest file in bytes, then the command's own.
    """
    import fcntl

    step, largest, *rest = arguments
    leash = os.dup(0)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    threading.Thread(target=_follow, args=(leash,), daemon=True).start()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(largest), int(largest)))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # too large a file is an error of write, with its sentence
    with open(LOCK, "wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        sys.argv = ["mimictalk", *rest]
        try:
            main()
            code = 0
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        sys.stdout.flush()
        os.fsync(sys.stdout.fileno())
        if code < 128:  # 130 and 143: it was stopped, and goes on another time
            write_bytes(Path(f"{step}.code"), str(code).encode())
    return code


def _follow(leash: int) -> None:
    while os.read(leash, 64):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_SECONDS)
    os.killpg(0, signal.SIGKILL)  # the worker made this process the leader of its group


if __name__ == "__main__":
    from mimictalk.cli import main

    sys.exit(run(main, sys.argv[1:]))
