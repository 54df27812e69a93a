"""What the app remembers between runs: the avatar adapted last (XDG state folder)."""

import json
import os
from pathlib import Path

from mimictalk.atomic import write_bytes
from mimictalk.errors import InputError


def state_folder() -> Path:
    """`$XDG_STATE_HOME/mimictalk`, by default `~/.local/state/mimictalk`."""
    base = os.environ.get("XDG_STATE_HOME", "")
    return (Path(base) if os.path.isabs(base) else Path.home() / ".local" / "state") / "mimictalk"


def remember_avatar(path: Path) -> None:
    """Make `path` the avatar that `render` uses when none is named."""
    folder = state_folder()
    folder.mkdir(parents=True, exist_ok=True)
    write_bytes(folder / "last.json", json.dumps({"avatar": str(path.resolve())}).encode())


def last_avatar() -> Path:
    """The avatar adapted last.

    Raises:
        InputError: If there is none, or its folder is gone.
    """
    cure = "Name one: mimictalk render FOLDER --audio SPEECH; or make one: mimictalk adapt REF.mp4"
    try:
        path = Path(json.loads((state_folder() / "last.json").read_text())["avatar"])
    except (OSError, ValueError, KeyError, TypeError):
        raise InputError("avatar", "none was named and none has been adapted yet", cure) from None
    if not path.is_dir():
        raise InputError(path, "the avatar adapted last is no longer there", cure)
    return path
