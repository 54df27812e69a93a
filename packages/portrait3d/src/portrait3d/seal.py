"""Files that know when a bit of theirs was changed: they carry the sha256 of all their other bytes.

Neither safetensors nor JSON notices a flipped bit. The writer leaves 64 zeros behind the key `seal`, takes
the sha256 of the whole and puts it in their place; the reader does the reverse.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from portrait3d.errors import InputError

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
        raise InputError(str(path), f"it is missing or damaged ({words})", cure) from None
    if intact(content) is False:
        raise InputError(str(path), "it was altered or damaged: its seal does not match", cure)
    found.pop("seal", None)
    return found


def _digest(content: bytes, place: re.Match[bytes]) -> bytes:
    """sha256 of the content with a blank seal; nothing is copied."""
    view, digest = memoryview(content), hashlib.sha256()
    for part in (view[: place.start(1)], BLANK.encode(), view[place.end(1) :]):
        digest.update(part)
    return digest.hexdigest().encode()
