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
from typing import Any

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
        raise InputError(
            path, f"decoding it takes more than {limits.memory / 1e9:.1f} GB of memory", _CONVERT
        )
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
    command = [sys.executable, "-P", "-m", "mimictalk.media_probe", json.dumps(asdict(limits))]
    with path.open("rb") as file:
        try:
            done = subprocess.run(
                command,
                stdin=file,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                timeout=limits.wall,
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
        cause = f"the process that was to look at it failed (exit code {done.returncode})"
        raise RunError(path, cause, "Run `mimictalk doctor`.") from error
