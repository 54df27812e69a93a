"""A page of docs/ that a program writes: written, or with --check only compared."""

from __future__ import annotations

import argparse
from pathlib import Path


def write_or_check(page: Path, text: str, about: str | None) -> int:
    """Exit status of a program whose only product is `page`.

    Args:
        page: The file.
        text: What it has to say.
        about: The program's description.

    Returns:
        0, or with `--check`, which writes nothing, 1 where the page says something else.
    """
    told = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    told.add_argument("--check", action="store_true", help="write nothing")
    if told.parse_args().check:
        return int(not page.is_file() or page.read_text() != text)
    page.write_text(text)
    return 0
