"""Is a user's media file safe to open? A child process, which may crash, hang or swell, decodes it first."""

import json
import os
import re
import signal
import stat
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

from mimictalk.errors import InputError, RunError
from mimictalk.media_probe import Limits

PLAYLISTS = (b"#EXTM3U", b"ffconcat", b"v=0", b"[playlist]", b"<MPD", b"<?xml", b"<smil")
_ADDRESS = re.compile(r"^[a-zA-Z][a-zA-Z0-9+.-]+:/")
_CONVERT = "Convert it with a trusted program, or use another file."
_seen: dict[tuple[Any, ...], None] = {}


def examine(path: Path, limits: Limits | None = None) -> None:
    """Look at a video or sound file before this process decodes it; the same file is looked at once.

    What cannot be opened at all is let pass: those who want to use it say why in their own words.

    Args:
        path: The file.
        limits: What it may ask for.

    Raises:
        InputError: If it is no regular file, is a playlist, asks for more than the limits, or makes the
            decoder crash, hang or run out of memory.
    """
    limits = limits or Limits()
    status = check_regular(path)
    identity = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, limits)
    if identity in _seen:
        return
    facts = _look_in_child(path, limits)
    if facts["memory"]:
        raise too_much_memory(path, limits)
    reason = limits.reason(facts) if facts["opened"] else None
    if reason is not None:
        raise InputError(path, *reason)
    _seen[identity] = None


def check_regular(path: Path) -> os.stat_result:
    """Refuse all but a regular local file that is no list of other files.

    Raises:
        InputError: If there is no such file, or it is something else.
    """
    try:
        status = os.stat(path)
    except (OSError, ValueError) as error:
        if _ADDRESS.match(str(path)):
            raise InputError(path, "it is an address", "Download it; only local files are read.") from error
        raise InputError(
            path, "there is no such file", "Check the name; only local files are read."
        ) from error
    kinds = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}
    if not stat.S_ISREG(status.st_mode):
        kind = kinds.get(stat.S_IFMT(status.st_mode), "a device")
        raise InputError(path, f"it is {kind}, not a regular file", "Give a video or sound file.")
    with path.open("rb") as file:
        if file.read(64).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(PLAYLISTS):
            cause = "it is a list of other files, not a recording"
            raise InputError(path, cause, "Give the video or sound file itself.")
    return status


def _look_in_child(path: Path, limits: Limits) -> dict[str, Any]:
    with path.open("rb") as file:
        done = run_confined(path, "mimictalk.media_probe", limits, stdin=file)
    try:
        facts = json.loads(done.stdout)
        # A decoder that was taken over could write anything: only numbers are believed.
        numbers = {
            name: float(facts.get(name, 0)) for name in ("streams", "width", "height", "channels", "seconds")
        }
        return {
            **{name: int(value) for name, value in numbers.items()},
            "opened": facts["opened"] is True,
            "memory": facts["memory"] is True,
        }
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        raise probe_failed(path, done.returncode) from error


def run_confined(
    path: Path, module: str, limits: Limits, *arguments: str, stdin: BinaryIO | None = None
) -> "subprocess.CompletedProcess[bytes]":
    """Run one of the modules that decode under limits; gives its stdout and exit code.

    Args:
        path: The file it is about, for errors.
        module: Takes the limits as JSON, then the arguments.
        limits: Its limits.
        arguments: More for its command line.
        stdin: What it is handed.

    Raises:
        InputError: If it crashed, hung or computed for too long.
    """
    command = [sys.executable, "-P", "-m", module, json.dumps(asdict(limits)), *arguments]
    # A pool of threads for every core would take address space that the limit counts.
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    try:
        done = subprocess.run(
            command,
            stdin=stdin if stdin is not None else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=limits.wall,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        cause = f"its decoder did not come to an end within {limits.wall:.0f} s"
        raise InputError(path, cause, _CONVERT) from error
    if done.returncode == -signal.SIGXCPU or done.returncode == -signal.SIGKILL:
        raise InputError(path, f"decoding it takes more than {limits.cpu} s of computing", _CONVERT)
    if done.returncode < 0:
        name = signal.Signals(-done.returncode).name
        raise InputError(path, f"it makes the decoder crash ({name})", _CONVERT)
    return done


def too_much_memory(path: Path, limits: Limits) -> InputError:
    """What is said when a decoder ran out of memory."""
    return InputError(path, f"decoding it takes more than {limits.memory / 1e9:.1f} GB of memory", _CONVERT)


def probe_failed(path: Path, code: int) -> RunError:
    """What is said when a decoder ended without an answer."""
    cause = f"the process that was to look at it failed (exit code {code})"
    return RunError(path, cause, "Run `mimictalk doctor`.")
