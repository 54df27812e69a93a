"""Small files from outside, and files that are never half written."""

import os
from pathlib import Path

from face3dmm.errors import InputError


def read_limited(path: str | os.PathLike[str], most: int, cure: str) -> bytes:
    """Read a whole file.

    Args:
        path: The file.
        most: Bytes it may have.
        cure: What to do about a larger one.

    Raises:
        InputError: If it cannot be read or is larger.
    """
    try:
        with open(path, "rb") as file:
            content = file.read(most + 1)
    except OSError as error:
        raise InputError(path, f"it cannot be read ({error.strerror})", "Check the name.") from error
    if len(content) > most:
        raise InputError(path, f"it is larger than {most // 1_000_000} MB", cure)
    return content


def write_atomic(path: str | os.PathLike[str], content: bytes) -> None:
    """Write a file under another name beside it, to the disk, then give it its name."""
    target = Path(path)
    part = target.with_name(target.name + ".part")
    with open(part, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, target)
