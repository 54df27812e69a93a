"""Heavy work in a child process, so that even its sudden death is told in words.

Where memory runs out, native libraries do not always raise an error: they crash, abort, or end the process
without a word. The program therefore forks before it loads any of them. The child does all that is to be
done, on the same terminal and pipes; the parent waits, holds next to nothing, and speaks only if the child
could not.
"""

import os
import signal
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from types import FrameType

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SPOKEN = 0  # no signal has this number
SETTLE_SECONDS = 0.02  # in which a signal to the whole group has reached both
PR_SET_PDEATHSIG = 1  # <sys/prctl.h>


@dataclass(frozen=True)
class Ending:
    """How a child ended.

    Attributes:
        code: Exit code to pass on; None if the child did not come to say how it ended.
        signal: What killed it; 0 if it ended by itself.
    """

    code: int | None
    signal: int


class Guard:
    """Two processes out of one; each signal reaches the child once, whoever it was sent to.

    Python notes the child's signals in a pipe as they arrive: what is noted there, such as Ctrl-C, which a
    terminal sends to both, is not sent once more.
    """

    def __init__(self) -> None:
        self._notes, self._note = os.pipe()
        self._noted = b""
        self._child = 0
        self._arrived: list[int] = []

    def split(self) -> Ending | None:
        """Go on in a child, which gets None, while this process waits for it and then gets its ending.

        If this process is killed, the child stops as after SIGTERM (on Linux).

        Raises:
            OSError: If there can be no other process.
        """
        sys.stdout.flush()
        sys.stderr.flush()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # who ignores it is not told how a child ended
        parent, before = os.getpid(), signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
        try:
            self._child = os.fork()
            if self._child == 0:
                os.close(self._notes)
                os.set_blocking(self._note, False)
                signal.set_wakeup_fd(self._note, warn_on_full_buffer=False)
                _stop_without(parent)
                return None
            os.close(self._note)
            os.set_blocking(self._notes, False)
            for number in STOPPING:
                signal.signal(number, self._pass_on)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        _, status = os.waitpid(self._child, 0)
        killed = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        self._read()
        _, spoken, code = self._noted.partition(bytes((SPOKEN,)))
        return Ending(code[0] if spoken else None, killed)

    def spoken(self, code: int) -> None:
        """In the child: all has been said, and whatever happens from now on does not change the exit code."""
        signal.set_wakeup_fd(-1)
        os.write(self._note, bytes((SPOKEN, code)))

    def _pass_on(self, number: int, frame: FrameType | None) -> None:
        self._arrived.append(number)
        time.sleep(SETTLE_SECONDS)
        self._read()
        if self._noted.count(number) < self._arrived.count(number):
            with suppress(ProcessLookupError):
                os.kill(self._child, number)

    def _read(self) -> None:
        with suppress(BlockingIOError):
            self._noted += os.read(self._notes, 4096)


def _stop_without(parent: int) -> None:
    """Have this process get SIGTERM when its parent has gone."""
    if sys.platform != "linux":
        return
    import ctypes  # torch needs it too

    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGTERM)
