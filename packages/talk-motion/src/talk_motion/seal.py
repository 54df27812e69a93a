"""Files that know when a bit of theirs was changed: they carry the sha256 of all their other bytes.

Neither safetensors nor JSON notices a flipped bit. The writer leaves 64 zeros behind the key `seal`, takes
the sha256 of the whole and puts it in their place; the reader does the reverse.
"""

import hashlib
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from .errors import InputError

BLANK = "0" * 64
# Any key of four letters, any 64 characters: a flipped bit in the seal itself must not hide it.
_SEAL = re.compile(rb'"[^"]{4}": ?"([^"]{64})"')


def sealed(content: bytes) -> bytes:
    """Fill in the first seal, which must be `BLANK`."""
    place = _SEAL.search(content)
    if place is None or place[1] != BLANK.encode():
        raise ValueError("there is no blank seal to fill in")
    digest = _digest(content, place)
    return content[: place.start(1)] + digest + content[place.end(1) :]


def intact(content: bytes) -> bool | None:
    """Whether nothing was changed since `sealed`; None where there is no seal."""
    place = _SEAL.search(content)
    if place is None:
        return False if b'"seal"' in content else None  # a seal that lost some of its digits
    return _digest(content, place) == place[1]


def sealed_json(content: Mapping[str, Any]) -> bytes:
    """A JSON object, indented and sealed."""
    others = {name: value for name, value in content.items() if name != "seal"}
    # Its own seal comes first: a description may hold another one with a seal.
    return sealed((json.dumps({"seal": BLANK, **others}, indent=1) + "\n").encode())


def read_sealed_json(path: Path, cure: str) -> dict[str, Any]:
    """What `sealed_json` made, without its seal; older files had none.

    Raises:
        InputError: If it is missing, no JSON object, or was altered.
    """
    try:
        content = path.read_bytes()
        found = dict(json.loads(content))
    except (OSError, ValueError, TypeError, RecursionError) as error:
        words = " ".join(str(error).split())[:80]
        raise InputError(path, f"it is missing or damaged ({words})", cure) from None
    if intact(content) is False:
        raise InputError(path, "it was altered or damaged: its seal does not match", cure)
    found.pop("seal", None)
    return found


def save_sealed(tensors: dict[str, Tensor], form: str, **facts: str) -> bytes:
    """Tensors as a sealed safetensors file; `form` is "<package>.<type>.<schema>"."""
    from safetensors.torch import save

    kept = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    return sealed(save(kept, {"format": form, "seal": BLANK, **facts}))


def load_sealed(
    path: str | os.PathLike[str], content: bytes, form: str, cure: str
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors and metadata of what `save_sealed` wrote. Files of schema 1 had no seal and are still read.

    Raises:
        InputError: If it is cut short, altered, of another kind, or of a newer schema: each in its own words.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    facts, whole = _header(content)
    if whole is not None and len(content) != whole:
        change = "cut short" if len(content) < whole else "too long"
        raise InputError(path, f"it is {change}: {len(content):,} of {whole:,} bytes", cure)
    if facts is None:
        raise InputError(path, "it is no file of tensors, or its beginning is damaged", cure)
    kind, _, schema = form.rpartition(".")
    found, _, number = str(facts.get("format")).rpartition(".")
    if found != kind:
        raise InputError(path, f"its format is {facts.get('format')!r}, not {form!r}", cure)
    if intact(content) is False or (number != "1" and intact(content) is None) or not number.isdigit():
        raise InputError(
            path, "it was altered or damaged after it was written: its seal does not match", cure
        )
    if int(number) > int(schema):
        words = f"a newer version wrote it (schema {number}; this one reads up to {schema})"
        raise InputError(path, words, "Update the program that reads it.")
    try:
        return load(content), facts
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise InputError(path, f"its tensors cannot be read ({error})"[:200], cure) from error


def _digest(content: bytes, place: re.Match[bytes]) -> bytes:
    """sha256 of the content with a blank seal; nothing is copied."""
    view, digest = memoryview(content), hashlib.sha256()
    for part in (view[: place.start(1)], BLANK.encode(), view[place.end(1) :]):
        digest.update(part)
    return digest.hexdigest().encode()


def _header(content: bytes) -> tuple[dict[str, str] | None, int | None]:
    """Metadata of a safetensors file and the size it should have; None where that cannot be told."""
    length = int.from_bytes(content[:8], "little")
    try:
        header = json.loads(content[8 : 8 + length])
        facts = {str(key): str(value) for key, value in dict(header.pop("__metadata__", {})).items()}
        ends = [int(entry["data_offsets"][1]) for entry in header.values()]
        return facts, 8 + length + max(ends, default=0)
    except (ValueError, TypeError, KeyError, AttributeError, IndexError, RecursionError):
        return None, None
