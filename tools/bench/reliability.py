"""A promise beside how often it was tried and how often it was broken, and the JSON object that holds them."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import time
from pathlib import Path

Promise = dict[str, object]


def promise(words: str, tried: int, failed: int) -> Promise:
    """One promise.

    Args:
        words: What is promised.
        tried: How often it was tried.
        failed: How often it was broken.
    """
    if not 0 <= failed <= tried:
        raise ValueError(f"{words}: failed must lie in 0..{tried}, got {failed}")
    return {"promise": words, "tried": tried, "failed": failed}


def report(area: str, seed: int, promises: list[Promise], keep: Path | None, **more: object) -> None:
    """Print one line of JSON, and write it to `keep` too."""
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=Path(__file__).parent, capture_output=True, text=True, check=False
    )
    answer = {
        "area": area,
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "commit": commit.stdout.strip(),
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "seed": seed,
        "promises": promises,
        **more,
    }
    if keep:
        keep.write_text(json.dumps(answer, indent=1) + "\n")
    print(json.dumps(answer), flush=True)
