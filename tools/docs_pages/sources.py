"""Which file of the repository becomes which page of the site."""

import subprocess
import tomllib
from pathlib import Path, PurePosixPath
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / "docs/zensical.toml"
PACKAGES = ("mimictalk", "face3dmm", "triplane-render", "portrait3d", "talk-motion", "mimictalk-adapt")
COMMANDS = "commands/*"  # in the navigation: one page for each command


def tracked(*patterns: str) -> list[str]:
    """Files that git knows, and new ones it does not ignore, relative to the root."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *patterns]
    listing = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return sorted({name for name in listing.split("\0") if name and (ROOT / name).is_file()})


def page_of_source() -> dict[str, str]:
    """File of the repository: page of the site. Both relative, with forward slashes."""
    pages = {name: _in_docs(name) for name in tracked("docs/*.md")}
    for package in PACKAGES:
        pages[f"packages/{package}/README.md"] = f"packages/{package}/index.md"
        pages[f"packages/{package}/CHANGELOG.md"] = f"packages/{package}/changes.md"
    pages["csrc/README.md"] = "operators.md"
    for name in tracked("packages/*"):
        path = PurePosixPath(name)
        if path.name == "MODEL_CARD.md" or name.endswith("/data/README.md"):
            pages[name] = f"model-cards/{path.parts[1]}.md"
    return pages


def _in_docs(name: str) -> str:
    path = PurePosixPath(name).relative_to("docs")
    return str(path.with_name("index.md") if path.name == "README.md" else path)


def navigation(commands: list[str]) -> list[str]:
    """The pages that docs/zensical.toml lists, with one for each command.

    Args:
        commands: Names of their pages, such as commands/adapt.md.
    """
    listed = _pages_in(tomllib.loads(CONFIG.read_text(encoding="utf-8"))["project"]["nav"])
    return [page for entry in listed for page in (commands if entry == COMMANDS else [entry])]


def _pages_in(entries: Any) -> list[str]:
    if isinstance(entries, str):
        return [entries]
    values = entries.values() if isinstance(entries, dict) else entries
    return [page for value in values for page in _pages_in(value)]
