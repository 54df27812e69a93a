"""Where the studio keeps everything: one folder, readable by its owner alone."""

import os
import re
import secrets
from dataclasses import dataclass
from pathlib import Path

ID = re.compile(r"^[0-9a-f]{32}$")


def new_id() -> str:
    """128 random bits as 32 hexadecimal digits: not to be guessed."""
    return secrets.token_hex(16)


def default_root() -> Path:
    """`$XDG_DATA_HOME/mimictalk/studio`, by default in `~/.local/share`."""
    base = os.environ.get("XDG_DATA_HOME", "")
    return (Path(base) if os.path.isabs(base) else Path.home() / ".local" / "share") / "mimictalk" / "studio"


@dataclass(frozen=True)
class StudioFolder:
    """The places in it. Every name below it is made here, from ids made here.

    Attributes:
        root: The folder.
    """

    root: Path

    @classmethod
    def open(cls, root: Path) -> "StudioFolder":
        """Make what is missing; mode 0700."""
        folder = cls(root.absolute())
        for path in (folder.root, folder.jobs, folder.uploads):
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.root.chmod(0o700)
        return folder

    @property
    def database(self) -> Path:
        return self.root / "studio.sqlite3"

    @property
    def token(self) -> Path:
        return self.root / "token"

    @property
    def jobs(self) -> Path:
        return self.root / "jobs"

    @property
    def uploads(self) -> Path:
        return self.root / "uploads"

    @property
    def previews(self) -> Path:
        """Caches and temporary files of the process that draws previews."""
        return self.root / "previews"

    def job(self, job_id: str) -> Path:
        """The folder of one job.

        Raises:
            ValueError: If that is no id.
        """
        return self.jobs / _checked(job_id)

    def upload(self, upload_id: str) -> Path:
        """The file of one upload.

        Raises:
            ValueError: If that is no id.
        """
        return self.uploads / _checked(upload_id)

    def worker_lock(self, device: str) -> Path:
        """Held by the one worker of a device."""
        return self.root / f"worker-{device}.lock"


def _checked(text: str) -> str:
    if not ID.fullmatch(text):
        raise ValueError(f"{text[:40]!r} is no id")
    return text
