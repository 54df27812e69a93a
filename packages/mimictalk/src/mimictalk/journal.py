"""A work folder whose finished files survive a kill: what was done for the same job is not done again."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from mimictalk.atomic import fsync
from mimictalk.errors import InputError
from mimictalk.manifest import sha256_file
from mimictalk.marks import now

SCHEMA = 1
JOURNAL = "journal.jsonl"


class Journal:
    """The files of one job, each recorded with its sha256 once it is whole on the disk.

    The journal is one JSON object a line, each with a checksum of itself; a line that was cut off by a kill
    does not count, nor does a file that is not as it was recorded. A folder of another job is emptied. Use as
    a context manager: it holds a lock, and leaves no folder behind in which nothing was finished.

    Args:
        folder: Where; made if missing.
        key: sha256 of everything that the files depend on.

    Attributes:
        created: When the job began, ISO 8601, UTC.

    Raises:
        InputError: If another process is at work in the folder.
    """

    def __init__(self, folder: Path, key: str) -> None:
        self.folder, self.key, self.created = folder, key, now()
        self._files: dict[str, dict[str, Any]] = {}

    def __enter__(self) -> "Journal":
        self.folder.mkdir(parents=True, exist_ok=True)
        # Held open until the end: the lock goes with the process, however it ends.
        self._journal = (self.folder / JOURNAL).open("a+b")
        try:
            self._lock()
            self._take_up()
        except BaseException:
            self._journal.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._files:
            self.discard()
        self._journal.close()

    def __contains__(self, name: str) -> bool:
        """Whether a file was finished and still is as it was."""
        known, path = self._files.get(name), self.folder / name
        return (
            known is not None
            and path.is_file()
            and path.stat().st_size == known["bytes"]
            and sha256_file(path) == known["sha256"]
        )

    @property
    def names(self) -> list[str]:
        """Every file that was recorded."""
        return list(self._files)

    @contextmanager
    def writing(self, name: str) -> Iterator[Path]:
        """Give a path to write; without an exception the file is recorded as finished under `name`."""
        temporary = self.folder / f"{name}.part"
        try:
            yield temporary
            fsync(temporary)
            entry = {"file": name, "bytes": temporary.stat().st_size, "sha256": sha256_file(temporary)}
            temporary.replace(self.folder / name)
            fsync(self.folder)
            self._append(entry)
            self._files[name] = entry
        finally:
            temporary.unlink(missing_ok=True)

    def discard(self) -> None:
        """Remove the folder with all that is in it."""
        self._files.clear()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _lock(self) -> None:
        import fcntl

        try:
            fcntl.flock(self._journal, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            cause = "another mimictalk is making this file"
            raise InputError(self.folder, cause, "Wait for it, or choose another name with -o.") from error

    def _take_up(self) -> None:
        self._journal.seek(0)
        content = self._journal.read()
        # What a kill cut off in the middle of a line must not run into the next one.
        self._journal.truncate(content.rfind(b"\n") + 1)
        first, *rest = [_read(line) for line in content.split(b"\n")]
        if first is not None and (first.get("schema"), first.get("key")) == (SCHEMA, self.key):
            self.created = first["created"]
            self._files = {entry["file"]: entry for entry in rest if entry is not None}
            self._remove_others()
        else:
            self._journal.truncate(0)
            self._remove_others()
            self._append({"schema": SCHEMA, "key": self.key, "created": self.created})

    def _remove_others(self) -> None:
        for entry in self.folder.iterdir():
            if entry.name not in (JOURNAL, *self._files) and not entry.is_dir():
                entry.unlink()

    def _append(self, entry: dict[str, Any]) -> None:
        self._journal.write(_line(entry))
        self._journal.flush()
        os.fsync(self._journal.fileno())


def _line(entry: dict[str, Any]) -> bytes:
    return json.dumps({**entry, "check": _check(entry)}).encode() + b"\n"


def _check(entry: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(entry, sort_keys=True).encode()).hexdigest()[:16]


def _read(line: bytes) -> dict[str, Any] | None:
    """The entry of a line; None for one that is damaged or cut off."""
    try:
        entry: dict[str, Any] = json.loads(line)
        return entry if entry.pop("check") == _check(entry) else None
    except (ValueError, AttributeError, TypeError, KeyError):
        return None
