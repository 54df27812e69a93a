"""Files and folders that appear complete or not at all.

A temporary sibling is written first, flushed to the disk, then renamed; its name carries machine and
process id, so that what a killed process left behind can be told from what a living one is writing. In a
folder that several machines share each clears up after its own processes only: it cannot know whether those
of another still live.
"""

import os
import platform
import re
import shutil
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mimictalk.errors import InputError

MACHINE = f"{zlib.crc32(platform.node().encode()):08x}"
_TEMPORARY = re.compile(rf"^\.mimictalk-{MACHINE}-(\d+)-(.+?)(\.retired)?$")


def temporary_prefix() -> str:
    """What temporary names of this process begin with."""
    return f".mimictalk-{MACHINE}-{os.getpid()}-"


def temporary_sibling(path: Path) -> Path:
    """A hidden name in the folder of `path`, marked with machine and process; the suffix is kept."""
    return path.parent / f"{temporary_prefix()}{path.name}"


def sweep(folder: Path) -> list[Path]:
    """Remove what killed processes of this machine left in `folder`; returns the removed paths.

    A folder that was moved aside and never replaced is the only copy: it is put back.
    """
    removed = []
    for entry in list(folder.iterdir()) if folder.is_dir() else []:
        match = _TEMPORARY.match(entry.name)
        if match is None or _is_alive(int(match.group(1))):
            continue
        if match.group(3) and not (folder / match.group(2)).exists():
            entry.rename(folder / match.group(2))
        else:
            _remove(entry)
            removed.append(entry)
    return removed


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Give a temporary path to write; on success it becomes `path`, on any exception it is removed."""
    _make_folder(path.parent)
    sweep(path.parent)
    temporary = temporary_sibling(path)
    try:
        yield temporary
        fsync(temporary)
        temporary.replace(path)
        fsync(path.parent)
    finally:
        _remove(temporary)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Give an empty temporary folder to fill; on success it becomes `path`, replacing a folder of that name.

    The old folder stays until the new one is complete on the disk.
    """
    _make_folder(path.parent)
    sweep(path.parent)
    temporary = temporary_sibling(path)
    temporary.mkdir()
    retired = temporary.with_name(temporary.name + ".retired")
    try:
        yield temporary
        for entry in [*temporary.rglob("*"), temporary]:
            fsync(entry)
        if path.exists():
            path.rename(retired)
        try:
            temporary.rename(path)
        except OSError:
            if retired.exists():
                retired.rename(path)
            raise
        fsync(path.parent)
    finally:
        _remove(temporary)
        _remove(retired)


def write_bytes(path: Path, content: bytes) -> None:
    """Write a whole file atomically."""
    with atomic_file(path) as temporary:
        temporary.write_bytes(content)


def fsync(path: Path) -> None:
    """Flush a file or a folder to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (FileNotFoundError, FileExistsError, NotADirectoryError) as error:
        raise InputError(path, "no folder can be made there", "Choose another place to write to.") from error


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
