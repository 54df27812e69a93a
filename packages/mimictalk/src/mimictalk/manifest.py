"""avatar.json: what an avatar is, how it was made, and the sha256 of every file it consists of.

The manifest also carries the sha256 of its own content, so that a flipped bit in a number is noticed too.
"""

import hashlib
import json
import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from mimictalk.errors import AvatarError

SCHEMA = 1
MANIFEST = "avatar.json"
KIND = "mimictalk-avatar"
_SHA256 = re.compile(r"^[0-9a-f]{64}$")
_REMAKE = "Copy the folder again from where it was whole, or adapt the clip once more."


@dataclass(frozen=True)
class FileEntry:
    """One file of the avatar: its sha256 in hexadecimal and its size in bytes."""

    sha256: str
    bytes: int

    def __post_init__(self) -> None:
        if not isinstance(self.sha256, str) or not _SHA256.match(self.sha256):
            raise ValueError(f"sha256 must be 64 hexadecimal digits, got {self.sha256!r}")
        if not isinstance(self.bytes, int) or isinstance(self.bytes, bool) or self.bytes < 0:
            raise ValueError(f"bytes must be a whole number >= 0, got {self.bytes!r}")


@dataclass(frozen=True)
class Manifest:
    """The content of avatar.json.

    Attributes:
        preset: Model size, "small" or "full".
        seed, steps: Of the adaptation.
        fps: Frames per second of everything the avatar renders.
        tool: Name and version of the program that wrote it.
        created: Time of writing, ISO 8601, UTC.
        base_weights: "<package>/<file>" to sha256, of the weights the avatar stands on.
        source: Name and sha256 of the reference clip.
        licence: Terms of the avatar, or None where nobody stated any.
        consent: Statement of the person shown and when it was recorded, or None.
        meta: Anything else the adaptation reports; JSON.
        files: Every file of the folder except avatar.json itself.
    """

    preset: str
    seed: int
    steps: int
    tool: str
    created: str
    base_weights: dict[str, str]
    source: dict[str, str]
    fps: float = 25.0
    licence: str | None = None
    consent: dict[str, str] | None = None
    meta: dict[str, Any] = field(default_factory=dict)
    files: dict[str, FileEntry] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in self.files:
            if name in ("", ".", "..", MANIFEST) or "/" in name or "\\" in name or "\0" in name:
                raise ValueError(f"a file of an avatar cannot be named {name!r}")

    def to_json(self) -> bytes:
        """Indented JSON, with schema version and checksum."""
        content: dict[str, Any] = {"kind": KIND, "schema": SCHEMA, **asdict(self)}
        content["sha256"] = _checksum(content)
        return _text(content)

    @classmethod
    def from_json(cls, text: bytes, subject: Path) -> "Manifest":
        """Parse and check avatar.json.

        Raises:
            AvatarError: If it is not JSON, not an avatar, from a newer version, altered, or incomplete.
        """
        try:
            content = json.loads(text)
        except (ValueError, RecursionError):
            raise AvatarError(subject, "it is not readable JSON: the file is damaged", _REMAKE) from None
        if not isinstance(content, dict) or content.get("kind") != KIND:
            raise AvatarError(
                subject, "it does not describe a mimictalk avatar", "Name the folder `adapt` made."
            )
        schema = content.get("schema")
        if isinstance(schema, int) and schema > SCHEMA:
            cause = f"the avatar has schema {schema}; this version reads up to {SCHEMA}"
            raise AvatarError(subject, cause, "Update mimictalk: pip install -U mimictalk")
        # The text too: "1e-5" and "1E-5" differ by a bit and mean the same.
        if _text(content) != text or content.pop("sha256", None) != _checksum(content):
            raise AvatarError(
                subject, "its checksum does not match: the file was altered or damaged", _REMAKE
            )
        try:
            content.pop("kind"), content.pop("schema")
            content["files"] = {name: FileEntry(**entry) for name, entry in content["files"].items()}
            return cls(**content)
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            raise AvatarError(subject, f"a field is wrong: {error}", _REMAKE) from None


def _text(content: dict[str, Any]) -> bytes:
    return (json.dumps(content, indent=2, ensure_ascii=False, sort_keys=True) + "\n").encode()


def _checksum(content: dict[str, Any]) -> str:
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def sha256_file(path: Path) -> str:
    """sha256 of a file in hexadecimal, read in blocks."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
