"""Files that users send: streamed to the disk within limits, named by their content, never by their name."""

import hashlib
import os
import shutil
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mimictalk.errors import InputError, MimictalkError
from mimictalk.studio.database import Database
from mimictalk.studio.folder import StudioFolder, new_id
from mimictalk.studio.limits import Limits

Contains = Literal["media", "picture"]
BLOCK = 2**20
# (offset, magic, second offset, second magic, suffix): what the decoders of this program know
MAGICS: tuple[tuple[int, bytes, int, bytes, str], ...] = (
    (4, b"ftyp", 0, b"", ".mp4"),
    (0, b"\x1a\x45\xdf\xa3", 0, b"", ".webm"),
    (0, b"RIFF", 8, b"WAVE", ".wav"),
    (0, b"RIFF", 8, b"AVI ", ".avi"),
    (0, b"RIFF", 8, b"WEBP", ".webp"),
    (0, b"FORM", 8, b"AIF", ".aiff"),
    (0, b"fLaC", 0, b"", ".flac"),
    (0, b"OggS", 0, b"", ".ogg"),
    (0, b"caff", 0, b"", ".caf"),
    (0, b"ID3", 0, b"", ".mp3"),
    (0, b"\xff\xfb", 0, b"", ".mp3"),
    (0, b"\xff\xf3", 0, b"", ".mp3"),
    (0, b"\xff\xf1", 0, b"", ".aac"),
    (0, b"\x89PNG\r\n\x1a\n", 0, b"", ".png"),
    (0, b"\xff\xd8\xff", 0, b"", ".jpg"),
)
PICTURES = (".png", ".jpg", ".webp")


@dataclass(frozen=True)
class Upload:
    """One file.

    Attributes:
        id: 32 hexadecimal digits.
        owner: Who sent it.
        name: What they called it; for people only.
        kind: Whether it is sound or video, or a picture.
        suffix: By its content.
        bytes: Its size.
        sha256: Of its content.
        created: Unix seconds.
    """

    id: str
    owner: str
    name: str
    kind: Contains
    suffix: str
    bytes: int
    sha256: str
    created: float


class TooLarge(MimictalkError):
    """An upload is larger than the limits allow."""


class NotMedia(InputError):
    """An upload is nothing that can be decoded here."""


class Uploads:
    """The files of all owners.

    Args:
        folder: Of the studio.
        database: Of the studio.
        limits: Of sizes and numbers.
    """

    def __init__(self, folder: StudioFolder, database: Database, limits: Limits) -> None:
        self._folder, self._database, self._limits = folder, database, limits
        self._arriving: dict[str, tuple[str, int]] = {}

    async def take(self, owner: str, name: str, stream: AsyncIterator[bytes]) -> Upload:
        """Write a stream to the disk.

        Raises:
            TooLarge: At the first byte above a limit; nothing is kept.
            NotMedia: If its first bytes are those of no known format.
        """
        from anyio import to_thread

        upload_id = new_id()
        path = self._folder.upload(upload_id)
        part = path.with_suffix(".part")
        self._arriving[upload_id] = (owner, 0)
        digest, size, head = hashlib.sha256(), 0, b""
        try:
            self._check_room(owner, upload_id, 0)
            with part.open("xb") as file:
                async for block in stream:
                    size += len(block)
                    self._check_room(owner, upload_id, size)
                    if len(head) < 16:
                        head = (head + block)[:16]
                    if len(head) >= 16:
                        suffix_of(name, head)
                    digest.update(block)
                    await to_thread.run_sync(file.write, block)
                suffix = suffix_of(name, head)
                file.flush()
                await to_thread.run_sync(os.fsync, file.fileno())
            kind: Contains = "picture" if suffix in PICTURES else "media"
            upload = Upload(upload_id, owner, name, kind, suffix, size, digest.hexdigest(), time.time())
            part.replace(path)
            with self._database.transaction() as rows:
                rows.execute(
                    "INSERT INTO uploads VALUES (?, ?, ?, ?, ?, ?, ?, ?)", tuple(vars(upload).values())
                )
            return upload
        finally:
            part.unlink(missing_ok=True)
            del self._arriving[upload_id]

    def get(self, upload_id: str, owner: str) -> Upload:
        """One upload of this owner.

        Raises:
            KeyError: If there is none.
        """
        rows = self._database.read("SELECT * FROM uploads WHERE id = ? AND owner = ?", (upload_id, owner))
        if not rows:
            raise KeyError(upload_id)
        return Upload(**dict(rows[0]))

    def all(self, owner: str) -> list[Upload]:
        """Every upload of an owner, the newest first."""
        rows = self._database.read("SELECT * FROM uploads WHERE owner = ? ORDER BY created DESC", (owner,))
        return [Upload(**dict(row)) for row in rows]

    def link(self, upload: Upload, target: Path) -> None:
        """Give a job the file under a name of its own; deleting the upload does not take it away."""
        link_or_copy(self._folder.upload(upload.id), target)

    def delete(self, upload: Upload) -> None:
        """Forget a file."""
        with self._database.transaction() as rows:
            rows.execute("DELETE FROM uploads WHERE id = ?", (upload.id,))
        self._folder.upload(upload.id).unlink(missing_ok=True)

    def sweep(self) -> None:
        """Remove what uploads left that never came to their end."""
        known = {row["id"] for row in self._database.read("SELECT id FROM uploads")}
        for path in self._folder.uploads.iterdir():
            if path.name not in known:
                path.unlink(missing_ok=True)

    def _check_room(self, owner: str, upload_id: str, size: int) -> None:
        self._arriving[upload_id] = (owner, size)
        limits, kept = (
            self._limits,
            self._database.read(
                "SELECT count(*) AS files, coalesce(sum(bytes), 0) AS bytes FROM uploads WHERE owner = ?",
                (owner,),
            )[0],
        )
        arriving = [bytes_ for who, bytes_ in self._arriving.values() if who == owner]
        if size > limits.upload_bytes:
            raise TooLarge("upload", f"it is larger than {limits.upload_bytes} bytes", "Send a shorter clip.")
        cure = "Delete uploads that are no longer needed."
        if kept["bytes"] + sum(arriving) > limits.owner_bytes:
            raise TooLarge("upload", f"all uploads together are over {limits.owner_bytes} bytes", cure)
        if kept["files"] + len(arriving) > limits.owner_uploads:
            raise TooLarge("upload", f"there are {kept['files']} uploads, and no more may be", cure)
        if shutil.disk_usage(self._folder.root).free - BLOCK < limits.free_bytes:
            raise TooLarge("upload", "the disk is nearly full", "Free some space.")


def suffix_of(name: str, head: bytes) -> str:
    """The suffix that the first bytes of a file tell.

    Raises:
        NotMedia: If they tell none.
    """
    for offset, magic, second, more, suffix in MAGICS:
        if head[offset:].startswith(magic) and head[second:].startswith(more):
            return suffix
    raise NotMedia(
        name, "it is no video, sound or picture that is known here", "Convert it to mp4, wav or png."
    )


def link_or_copy(source: Path, target: Path) -> None:
    """A second name for a file, or a copy where the disk knows no second names."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
