"""Files that `track` and `motion` write."""

from pathlib import Path
from typing import TYPE_CHECKING

from mimictalk.atomic import write_bytes
from mimictalk.errors import InputError
from mimictalk.live_link import to_csv

if TYPE_CHECKING:
    from talk_motion import MotionSequence

SUFFIXES = (".csv", ".safetensors")


def check_motion_file(path: Path, source: Path) -> Path:
    """Refuse, before any work, a name that cannot be written.

    Raises:
        InputError: For another suffix, a folder, or the input itself.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(
            path, "only .csv and .safetensors are written", "Choose a name that ends in one of them."
        )
    if path.is_dir():
        raise InputError(path, "it is a folder", "Give the name of a file.")
    if path.exists() and source.exists() and path.samefile(source):
        raise InputError(path, "it would overwrite its own input", "Choose another name with -o.")
    return path


def write_csv(path: Path, motion: "MotionSequence") -> None:
    """Write a Live Link Face CSV, complete or not at all."""
    write_bytes(path, to_csv(motion).encode())
