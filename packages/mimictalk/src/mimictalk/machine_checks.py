"""Checks of `doctor` for the machine: room to work in, folders that can be written, clock and settings."""

import locale
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from mimictalk.finding import FAIL, OK, WARN, Check
from mimictalk.state import state_folder

NEEDED_MEMORY_GB, NEEDED_DISK_GB, NEEDED_TEMPORARY_GB = 4.0, 1.0, 0.5
NEEDED_FILES = 256  # open at once
MAY_RUN_AHEAD = 86_400.0  # seconds that a clock may be behind the date of our own files


def memory() -> list[Check]:
    """Enough is free for adapting."""
    available = available_memory_gb()
    if available is None:
        cure = f"Make sure that {NEEDED_MEMORY_GB:g} GB are free."
        return [Check("memory", WARN, "unknown on this system", cure)]
    low = available < NEEDED_MEMORY_GB
    cure = f"Close other programs: adapt needs {NEEDED_MEMORY_GB:g} GB." if low else ""
    return [Check("memory", WARN if low else OK, f"{available:.1f} GB available", cure)]


def available_memory_gb() -> float | None:
    """What may still be taken, in GB; None where the system does not say."""
    meminfo = Path("/proc/meminfo")
    if not meminfo.is_file():
        return None
    line = next(line for line in meminfo.read_text().splitlines() if line.startswith("MemAvailable"))
    return int(line.split()[1]) / 1e6


def memory_limit() -> list[Check]:
    """No limit of the shell (ulimit -v) that the libraries alone would reach."""
    limit = _limit("RLIMIT_AS")
    if limit is not None and limit < NEEDED_MEMORY_GB * 1e9:
        found = f"this shell allows {limit / 1e9:.1f} GB of addresses"
        return [Check("memory limit", FAIL, found, "ulimit -v unlimited")]
    return [Check("memory limit", OK, "none" if limit is None else f"{limit / 1e9:.1f} GB")]


def open_files() -> list[Check]:
    """Enough files may be open at once."""
    limit = _limit("RLIMIT_NOFILE")
    if limit is not None and limit < NEEDED_FILES:
        return [Check("open files", FAIL, f"only {limit} at once", f"ulimit -n {4 * NEEDED_FILES}")]
    return [Check("open files", OK, "any number" if limit is None else f"{limit} at once")]


def file_size() -> list[Check]:
    """No limit on the size of files that a video would reach."""
    limit = _limit("RLIMIT_FSIZE")
    if limit is not None and limit < NEEDED_DISK_GB * 1e9:
        found = f"this shell allows files of {limit / 1e6:.0f} MB"
        return [Check("file size", WARN, found, "ulimit -f unlimited")]
    return [Check("file size", OK, "any" if limit is None else f"up to {limit / 1e9:.1f} GB")]


def disk() -> list[Check]:
    """Room here, where results are written by default."""
    free = shutil.disk_usage(Path.cwd()).free / 1e9
    low = free < NEEDED_DISK_GB
    cure = f"Free some: {NEEDED_DISK_GB:g} GB is enough for a few avatars and videos." if low else ""
    return [Check("disk", WARN if low else OK, f"{free:.1f} GB free here", cure)]


def temporary_folder() -> list[Check]:
    """A folder for temporary files that can be written and has room."""
    cure = "Set TMPDIR to a folder of yours on a disk with room."
    try:
        folder = Path(tempfile.gettempdir())
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"x")
    except OSError as error:
        return [Check("temporary folder", FAIL, f"it cannot be written ({error.strerror})", cure)]
    free = shutil.disk_usage(folder).free / 1e9
    low = free < NEEDED_TEMPORARY_GB
    found = f"{folder}, {free:.1f} GB free"
    return [Check("temporary folder", WARN if low else OK, found, cure if low else "")]


def state() -> list[Check]:
    """Where the avatar adapted last is remembered."""
    return [_writable("state folder", state_folder(), "XDG_STATE_HOME")]


def cache() -> list[Check]:
    """Where interrupted work is kept."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return [_writable("cache folder", base / "mimictalk", "XDG_CACHE_HOME")]


def data() -> list[Check]:
    """Where imported weights and the signing key are kept."""
    from mimictalk.signing_key import data_folder

    return [_writable("data folder", data_folder(), "XDG_DATA_HOME")]


def file_names() -> list[Check]:
    """Names with letters of any language can be opened."""
    encoding = sys.getfilesystemencoding().lower()
    if encoding not in ("utf-8", "utf8"):
        cure = "Set LC_ALL=C.UTF-8 (or PYTHONUTF8=1)."
        return [Check("file names", WARN, f"in {encoding}: names in other letters cannot be opened", cure)]
    return [Check("file names", OK, "in UTF-8")]


def language() -> list[Check]:
    """The locale that the environment names exists."""
    before = locale.setlocale(locale.LC_ALL)
    try:
        locale.setlocale(locale.LC_ALL, "")
    except locale.Error:
        named = os.environ.get("LC_ALL") or os.environ.get("LC_CTYPE") or os.environ.get("LANG") or "?"
        found = f"the environment names {named}, which this system lacks"
        return [Check("language", WARN, found, "Set LC_ALL=C.UTF-8.")]
    finally:
        locale.setlocale(locale.LC_ALL, before)
    return [Check("language", OK, "the locale exists")]


def clock() -> list[Check]:
    """The clock is not behind the date of our own files: marks and certificates carry its time."""
    late = Path(__file__).stat().st_mtime - time.time()
    if late > MAY_RUN_AHEAD:
        found = f"it is {late / 86_400:.0f} days behind the date of the installed files"
        return [Check("clock", FAIL, found, "Set it (timedatectl set-ntp true): signatures carry its time.")]
    return [Check("clock", OK, time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()))]


def child_processes() -> list[Check]:
    """Other processes can be started: videos are decoded in one."""
    cure = "Run it where processes may be started (ulimit -u, container settings)."
    try:
        done = subprocess.run([sys.executable, "-S", "-c", ""], capture_output=True, check=False, timeout=60)
    except (OSError, subprocess.TimeoutExpired) as error:
        return [Check("child processes", FAIL, f"none can be started ({error})"[:160], cure)]
    if done.returncode:
        return [Check("child processes", FAIL, f"{sys.executable} ends with {done.returncode}", cure)]
    return [Check("child processes", OK, "can be started")]


def _writable(name: str, folder: Path, variable: str) -> Check:
    nearest = next(path for path in (folder, *folder.parents) if path.exists())
    if nearest.is_dir() and os.access(nearest, os.W_OK):
        return Check(name, OK, str(folder))
    return Check(name, FAIL, f"{nearest} cannot be written", f"Set {variable} to a folder of yours.")


def _limit(name: str) -> int | None:
    """A limit of this process; None where there is none."""
    try:
        import resource
    except ImportError:  # Windows has none
        return None
    soft = resource.getrlimit(getattr(resource, name))[0]
    return None if soft == resource.RLIM_INFINITY else soft
