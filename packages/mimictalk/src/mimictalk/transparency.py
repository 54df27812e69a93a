"""What `--transparent` writes, told by the name of the output, and what cannot be."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mimictalk.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np

    from mimictalk.transparent_coding import Form

OPTION = "--transparent"
PICTURES = "%05d.png"  # names in a folder that was named alone
FORMS: "dict[str, Form]" = {".webm": "webm", ".mov": "mov", ".png": "png", "": "png"}
WITHOUT_MANIFEST = "WebM cannot hold a C2PA manifest"
_NUMBER = re.compile(r"%0?\d?d")
_CURE = "Choose a name that ends in .webm or .mov, or for pictures a folder or name_%05d.png."


def check_transparent(out: Path | None, background: str, piped: bool) -> None:
    """Refuse options that contradict `--transparent`.

    Args:
        out: As given; None for a .webm.
        background: Of the video.
        piped: Whether sound or video goes through a pipe.

    Raises:
        InputError: If there are any.
    """
    if piped:
        cause = "what goes through a pipe is drawn before a background"
        raise InputError(OPTION, cause, "Give files to --audio and -o.")
    if background != "keep":
        raise InputError(OPTION, "it leaves nothing behind the person", "Leave out --background.")
    if out is None:
        return
    if out.suffix.lower() not in FORMS:
        raise InputError(out, f"{out.suffix} is not written with transparency", _CURE)
    if out.suffix.lower() == ".png" and not _numbered(out.name):
        cause = "many pictures cannot have one name"
        raise InputError(out, cause, f"Write %05d where their number is to stand: {out.stem}_%05d.png")


def picture_names(out: Path) -> str:
    """Pattern of the names of pictures."""
    return out.name if out.suffix else PICTURES


def picture_folder(out: Path) -> Path:
    """The folder of pictures, which has to be new or empty.

    Raises:
        InputError: If there is something.
    """
    folder = out.parent if out.suffix else out
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        cure = "Name a new folder: -o frames, or -o frames/name_%05d.png"
        raise InputError(folder, "pictures are written to a folder of their own", cure)
    return folder


class CutOut:
    """A renderer whose frames have nothing behind the person.

    Args:
        renderer: Has `cut_out_frames`.
    """

    def __init__(self, renderer: Any) -> None:
        self._renderer = renderer

    def frames(self, motion: Any) -> "Iterator[np.ndarray]":
        """Frames of a motion, (S, S, 4) uint8: straight colours and alpha."""
        drawn: Iterator[np.ndarray] = self._renderer.cut_out_frames(motion)
        return drawn


def _numbered(name: str) -> bool:
    """Whether a name has one place for a number and no other sign of a pattern."""
    return len(_NUMBER.findall(name)) == 1 and name.count("%") == 1
