"""Whether weight files are what was written, and if not, what became of them: each in its own sentence."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mimictalk.manifest import sha256_file
from mimictalk.weights_listing import WeightFile

LARGEST_HEADER = 100_000_000  # bytes; the format's own limit
ANOTHER = 0.5  # from this share of other tensors on it is another file, not a damaged one


@dataclass(frozen=True)
class Finding:
    """What one file is.

    Attributes:
        file: What was looked at.
        intact: True; False where it is not what was written; None where nothing is on record.
        sentence: In words.
    """

    file: WeightFile
    intact: bool | None
    sentence: str

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {**self.file.as_dict(), "intact": self.intact, "finding": self.sentence}


def verify(files: Iterable[WeightFile]) -> list[Finding]:
    """Compare every file with its record.

    Args:
        files: All that is known; a file in another's place is recognised among them.
    """
    files = list(files)
    names = {file.sha256: file.name for file in files if file.sha256}
    return [_verify(file, names) for file in files]


def _verify(file: WeightFile, names: Mapping[str, str]) -> Finding:
    if not file.path.is_file():
        return Finding(file, False, "it is missing")
    size, sha256 = file.path.stat().st_size, sha256_file(file.path)
    if sha256 == file.sha256:
        return Finding(file, True, f"intact ({size:,} bytes)")
    header = _header(file.path)
    whole = file.bytes if file.bytes is not None else _declared_size(header)
    if sha256 in names:
        return Finding(file, False, f"another file is in its place: {names[sha256]}")
    if size == 0:
        return Finding(file, False, "it is empty")
    if whole is not None and size < whole:
        return Finding(file, False, f"it is cut short: {size:,} of {whole:,} bytes")
    if file.sha256 is None:
        sound = f"whole as a file of tensors ({size:,} bytes), but" if header else "damaged, and"
        return Finding(file, None if header else False, f"it is {sound} no sha256 is on record for it")
    if header is None:
        return Finding(file, False, "its beginning is damaged: the list of its tensors cannot be read")
    if file.tensors:
        return Finding(file, False, _compare_tensors(file, header))
    if whole is not None and size > whole:
        return Finding(file, False, f"it is longer than what was written: {size - whole:,} bytes too many")
    return Finding(file, False, f"it has {size:,} bytes as it should, but bits were changed (sha256 differs)")


def _compare_tensors(file: WeightFile, header: Mapping[str, Any]) -> str:
    if set(header) != set(file.tensors):
        return "another file is in its place: its tensors have other names"
    other = [name for name, digest in _digests(file.path, header) if digest != file.tensors[name]]
    of_all = f"{len(other):,} of {len(file.tensors):,} tensors"
    if len(other) >= max(2, ANOTHER * len(file.tensors)):
        return f"another file is in its place: {of_all} hold other values"
    if other:
        return f"bits were changed in {of_all} ({', '.join(other[:3])}{', …' if len(other) > 3 else ''})"
    return "bits were changed outside of its tensors"


def _header(path: Path) -> dict[str, Any] | None:
    """Names of the tensors to their place in the file; None if the file does not begin as safetensors do."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= LARGEST_HEADER:
            return None
        try:
            content = json.loads(file.read(length))
            content.pop("__metadata__", None)
            places = {name: value["data_offsets"] for name, value in content.items()}
            return {name: (8 + length + int(a), 8 + length + int(b)) for name, (a, b) in places.items()}
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return None


def _declared_size(header: Mapping[str, Any] | None) -> int | None:
    return max((end for _, end in header.values()), default=None) if header else None


def _digests(path: Path, header: Mapping[str, tuple[int, int]]) -> Iterable[tuple[str, str]]:
    from portrait3d.full.storage import DIGEST

    with path.open("rb") as file:
        for name, (start, end) in header.items():
            file.seek(start)
            yield name, hashlib.sha256(file.read(max(0, end - start))).hexdigest()[:DIGEST]
