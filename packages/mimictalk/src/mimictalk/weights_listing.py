"""Which weights are on this machine: inside the packages, and imported from published checkpoints."""

import json
import os
from base64 import urlsafe_b64decode
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from mimictalk.base_weights import weight_files
from mimictalk.installation_checks import WEIGHT_OWNERS

EMBEDDED, IMPORTED = "embedded", "imported"


@dataclass(frozen=True)
class WeightFile:
    """One file of weights and what is on record of it.

    Attributes:
        name: "<package>/<path in it>", or "<folder>/<file>" of imported weights.
        path: Where it is, or should be.
        origin: EMBEDDED or IMPORTED.
        sha256: As recorded when it was written; None where nothing is on record.
        bytes: Its recorded size, or None.
        tensors: Name to the beginning of the recorded sha256 of each tensor; empty where not on record.
        about: What the weights are, in words.
    """

    name: str
    path: Path
    origin: str
    sha256: str | None = None
    bytes: int | None = None
    tensors: dict[str, str] = field(default_factory=dict, repr=False)
    about: str = ""

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        size = self.path.stat().st_size if self.path.is_file() else None
        return {
            "name": self.name,
            "path": str(self.path),
            "origin": self.origin,
            "about": self.about,
            "sha256": self.sha256,
            "bytes": size,
        }


def weights_home() -> Path:
    """Where imported weights are kept: `$XDG_DATA_HOME/mimictalk/weights`, by default in `~/.local/share`."""
    base = os.environ.get("XDG_DATA_HOME", "")
    return (Path(base) if os.path.isabs(base) else Path.home() / ".local" / "share") / "mimictalk" / "weights"


def embedded_weights() -> list[WeightFile]:
    """The weight files inside the installed packages."""
    found = []
    for package in WEIGHT_OWNERS:
        for name, path in weight_files(package).items():
            card = _card(path.with_suffix(".json"))
            sha256 = card.get("sha256") or _recorded_at_installation(package, path)
            found.append(WeightFile(name, path, EMBEDDED, sha256, about=f"of {package}"))
    return found


def imported_weights(folders: list[Path] | None = None) -> list[WeightFile]:
    """The files of imported weights.

    Args:
        folders: Where; by default every folder in `weights_home()`.

    Raises:
        InputError: If a folder that was named holds none (of `portrait3d`).
    """
    from portrait3d.full import storage
    from talk_motion.full import storage as motion_storage

    if folders is None:
        home = weights_home()
        cards = (
            [*home.glob(f"*/{storage.CARD}"), *home.glob(f"*/{motion_storage.CARD}")] if home.is_dir() else []
        )
        folders = sorted({path.parent for path in cards})
    found = []
    for folder in folders:
        is_motion = (folder / motion_storage.CARD).is_file()
        card = motion_storage.read_card(folder) if is_motion else storage.read_card(folder)
        about = f"{card['report'].get('kind', 'a renderer')}, {card.get('precision', '')}"
        for name, facts in card["files"].items():
            found.append(
                WeightFile(
                    f"{folder.resolve().name}/{name}",
                    folder / name,
                    IMPORTED,
                    facts.get("sha256"),
                    facts.get("bytes"),
                    facts.get("tensors", {}),
                    about,
                )
            )
    return found


def in_words(files: list[WeightFile]) -> str:
    """One line per file: name, size, what it is."""
    width = max((len(file.name) for file in files), default=0)
    lines = []
    for file in files:
        size = f"{file.path.stat().st_size / 1e6:8.1f} MB" if file.path.is_file() else "    missing"
        lines.append(f"{file.name:{width}}  {size}  {file.origin}, {file.about}")
    return "\n".join(lines)


def _card(path: Path) -> dict[str, Any]:
    """The JSON beside embedded weights; {} where there is none that can be read."""
    try:
        content = json.loads(path.read_text()) if path.is_file() else {}
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def _recorded_at_installation(package: str, path: Path) -> str | None:
    """sha256 of a file in the installer's own record; an editable installation has none."""
    try:
        files = distribution(package.replace("_", "-")).files or []
    except PackageNotFoundError:
        return None
    for file in files:
        if file.hash is not None and file.hash.mode == "sha256" and file.locate() == path:
            return urlsafe_b64decode(file.hash.value + "=" * (-len(file.hash.value) % 4)).hex()
    return None
