"""The process that draws previews for the server: avatars stay loaded in it, and it ends when nobody asks.

python -m mimictalk.studio.preview_process BYTES      requests on stdin, one line of JSON each

An answer on stdout is a line of JSON, {"bytes": n, ...} followed by n bytes of PNG, or {"error": {...}}.
Media and avatars are read here, never by the server; nothing larger than BYTES is written; this process ends
with stdin.
"""

import contextlib
import json
import os
import resource
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from mimictalk.errors import InputError, MimictalkError, RunError, explain
from mimictalk.studio.child import environment
from mimictalk.studio.limits import Limits

PROGRAM = (sys.executable, "-m", "mimictalk.studio.preview_process")
IDLE_SECONDS = 600.0  # without a request: its memory is given back
LARGEST_FILE = 64 * 2**20
LARGEST_ANSWER = 8 * 2**20
WORDS = {"avatar": "avatar", "audio": "sound", "background": "background"}


class PreviewBusy(MimictalkError):
    """As many previews wait as may."""


@dataclass(frozen=True)
class Picture:
    """An answer.

    Attributes:
        png: The picture, marked.
        at: Seconds of the frame.
        seconds: Of the motion that there is.
    """

    png: bytes
    at: float
    seconds: float


class PreviewProcess:
    """Previews, one after another, from a process that is started at the first one.

    Args:
        folder: For its caches and temporary files.
        limits: How many may wait, and how long one may take.
        program: What to run, for tests.
    """

    def __init__(self, folder: Path, limits: Limits, program: Sequence[str] = PROGRAM) -> None:
        self._folder, self._limits, self._program = folder, limits, program
        self._process: subprocess.Popen[bytes] | None = None
        self._room = threading.BoundedSemaphore(limits.waiting_previews)
        self._turn = threading.Lock()

    def draw(self, asked: dict[str, Any]) -> Picture:
        """One picture.

        Args:
            asked: Fields of `mimictalk.preview.PreviewSettings`, JSON-able.

        Raises:
            PreviewBusy: If too many wait.
            InputError: What was asked for cannot be drawn.
            RunError: If it takes too long, or the process died of it.
        """
        if not self._room.acquire(blocking=False):
            raise PreviewBusy("preview", "too many previews are waiting", "Ask again in a moment.")
        try:
            with self._turn:
                return self._ask(json.dumps(asked).encode() + b"\n")
        finally:
            self._room.release()

    def close(self) -> None:
        """End the process, and with it what it draws."""
        process = self._process
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        with self._turn:
            self._end()

    def _ask(self, line: bytes) -> Picture:
        process = self._running()
        assert process.stdin is not None and process.stdout is not None
        try:
            process.stdin.write(line)
            process.stdin.flush()
            reader = _Reader(process.stdout, time.monotonic() + self._limits.preview_seconds)
            told = json.loads(reader.line())
            if "error" in told:
                raise InputError(*(str(told["error"].get(part, "")) for part in ("subject", "cause", "cure")))
            return Picture(reader.take(int(told["bytes"])), float(told["at"]), float(told["seconds"]))
        except TimeoutError:
            self._end()
            cause = f"it took more than {self._limits.preview_seconds} s"
            raise RunError("preview", cause, "Ask again; the first one of an avatar takes longest.") from None
        except (OSError, ValueError, KeyError) as error:
            if isinstance(error, MimictalkError):
                raise
            self._end()
            raise RunError("preview", "its process ended", "Ask again; memory may be short.") from None

    def _running(self) -> "subprocess.Popen[bytes]":
        if self._process is None or self._process.poll() is not None:
            self._end()
            for name in ("cache", "state", "tmp"):
                (self._folder / name).mkdir(mode=0o700, parents=True, exist_ok=True)
            self._process = subprocess.Popen(
                [*self._program, str(LARGEST_FILE)],
                cwd=self._folder,
                env=environment(self._folder),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        return self._process

    def _end(self) -> None:
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)  # it holds nothing that must be kept
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            with contextlib.suppress(OSError):
                pipe.close()
        self._process = None


class _Reader:
    """What comes through a pipe until a deadline; `TimeoutError` after it, `EOFError` where it ends."""

    def __init__(self, pipe: IO[bytes], deadline: float) -> None:
        self._number, self._deadline, self._kept = pipe.fileno(), deadline, b""

    def line(self) -> bytes:
        while b"\n" not in self._kept and len(self._kept) < LARGEST_ANSWER:
            self._more()
        line, _, self._kept = self._kept.partition(b"\n")
        return line

    def take(self, size: int) -> bytes:
        if not 0 < size <= LARGEST_ANSWER:
            raise ValueError(f"an answer of {size} bytes")
        while len(self._kept) < size:
            self._more()
        return self._kept[:size]

    def _more(self) -> None:
        left = self._deadline - time.monotonic()
        if left <= 0 or not select.select([self._number], [], [], left)[0]:
            raise TimeoutError
        block = os.read(self._number, 2**16)
        if not block:
            raise OSError("the pipe ended")
        self._kept += block


def main(largest: str) -> None:
    """Entry point of the process."""
    from mimictalk.preview import Previewer, PreviewSettings

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(largest), int(largest)))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # too large a file is an error of write
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the server's, which then lets this one go
    previewer = Previewer(Path(os.environ["TMPDIR"]))

    def draw(asked: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
        paths = {name: Path(asked[name]) for name in ("avatar", "audio") if asked.get(name) is not None}
        found = previewer.draw(PreviewSettings(**{**asked, **paths}))
        return {"at": found.at, "seconds": found.seconds}, found.png

    serve(draw)


def serve(draw: Any) -> None:
    """Answer requests until stdin ends or nobody has asked for a while.

    Args:
        draw: From the request to facts and PNG; may raise what `explain` explains.
    """
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer
    requests = os.fdopen(os.dup(0), "rb", buffering=0)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    while select.select([requests], [], [], IDLE_SECONDS)[0] and (line := requests.readline()):
        asked = json.loads(line)
        try:
            facts, png = draw(asked)
        except Exception as error:
            known = explain(error)
            if known is None:
                raise
            answers.write(json.dumps({"error": _without_places(known, asked)}).encode() + b"\n")
        else:
            answers.write(json.dumps({**facts, "bytes": len(png)}).encode() + b"\n" + png)
        answers.flush()


def _without_places(error: MimictalkError, asked: dict[str, Any]) -> dict[str, str]:
    """What is told of an error; places on this machine are called by what they hold."""
    told = error.as_dict()
    for name, word in WORDS.items():
        place = asked.get(name)
        if isinstance(place, str) and os.path.isabs(place):
            told = {part: text.replace(place, word) for part, text in told.items()}
            told = {part: text.replace(Path(place).name, word) for part, text in told.items()}
    return told


if __name__ == "__main__":
    main(*sys.argv[1:])
