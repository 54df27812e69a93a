"""What is in this checkout: root, packages, tracked files. For the tests that judge the repository."""

import subprocess
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = {folder.name.replace("-", "_"): folder for folder in sorted((ROOT / "packages").iterdir())}


@cache
def tracked_files() -> tuple[Path, ...]:
    """Return the files git knows that also exist, relative to the root."""
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return tuple(Path(name) for name in listing.stdout.split("\0") if name and (ROOT / name).is_file())


def sources(import_name: str) -> list[Path]:
    """Return the Python files of a package."""
    return sorted((PACKAGES[import_name] / "src").rglob("*.py"))


def project(import_name: str) -> dict[str, Any]:
    """Return the [project] table of a package's pyproject.toml."""
    return tomllib.loads((PACKAGES[import_name] / "pyproject.toml").read_text())["project"]


def markdown_files() -> list[Path]:
    """Return the tracked Markdown files, absolute."""
    return [ROOT / path for path in tracked_files() if path.suffix == ".md"]
