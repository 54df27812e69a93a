"""docs/reliability.md, made from the results that the measuring commands keep; nothing is typed by hand.

    python tools/reliability_page.py            writes the page
    python tools/reliability_page.py --check    exits 1 if it is not what the results say

Each command writes its results itself: `--keep FILE`, or its last line of stdout redirected to FILE.
"""

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from written_page import write_or_check

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "tools/bench/results"
PAGE = ROOT / "docs/reliability.md"


@dataclass(frozen=True)
class Source:
    """A command that measures promises.

    Attributes:
        file: Its results, in `RESULTS`.
        about: What it tries.
        command: How it is run in full.
    """

    file: str
    about: str
    command: str


@dataclass(frozen=True)
class Row:
    """A promise and how often it was broken."""

    promise: str
    tried: int
    failed: int


SOURCES = (
    Source(
        "hostile.json",
        "Bad inputs: right verdict, cause and cure, nothing left behind, no hang, under 1 GB",
        "tools/hostile_inputs.py --keep tools/bench/results/hostile.json",
    ),
    Source(
        "fuzz.json",
        "Mutated containers and artefacts: no crash, no altered artefact accepted",
        "tools/fuzz_readers.py --keep tools/bench/results/fuzz.json",
    ),
    Source(
        "kill_adapt.json",
        "`adapt` killed at any time, then run again: the same avatar, bit for bit",
        "tools/fault_injection/adapt.py --keep tools/bench/results/kill_adapt.json",
    ),
    Source(
        "kill_render.json",
        "`render` killed at any time, then run again: the same frames, at most one segment done twice",
        "tools/fault_injection/render.py --keep tools/bench/results/kill_render.json",
    ),
    Source(
        "limits.json",
        "Full disks and limits of memory: a clean end, what was there before intact",
        "tools/fault_injection/limits.py --keep tools/bench/results/limits.json",
    ),
    Source(
        "interrupts.json",
        "Ctrl-C at any time: a stop within 2 s, in words, with nothing lost",
        "tools/fault_injection/interrupts.py --keep tools/bench/results/interrupts.json",
    ),
    Source(
        "eta.json",
        "The time left: told to 15 % after a tenth",
        "tools/bench/eta.py --keep tools/bench/results/eta.json",
    ),
    Source(
        "tested.json",
        "An hour of speech, damaged artefacts, broken installations, errors, calls that must not be there",
        "tools/bench/tested.py --keep tools/bench/results/tested.json",
    ),
    Source(
        "studio.json",
        "Jobs of the studio while page, network, server and worker go away: all finish",
        "tools/fault_injection/studio.py --keep tools/bench/results/studio.json",
    ),
    Source(
        "trust.json",
        "Signatures, one-bit edits, watermark under attack: all noticed, no false alarm",
        "tools/bench/trust.py --renders 1000 --edits 1000 --clips 500 --unmarked 5000 "
        "--keep tools/bench/results/trust.json",
    ),
)


def rows(results: dict[str, Any], about: str) -> Iterator[Row]:
    """The promises in a file of results, in any of the forms that the commands write."""
    for one in results.get("promises", ()):
        yield Row(one["promise"], one["tried"], one["failed"])
    for one in results.get("figures", ()):
        counted = re.fullmatch(r"of (\d+)", str(one["unit"]))
        if counted is not None and one["value"] is not None:
            tried = int(counted[1])
            share = one["name"].startswith("found")  # of how many it was found, not how many went wrong
            failed = round(tried * (1 - one["value"])) if share else round(one["value"])
            yield Row(one["name"], tried, failed)
    if "promises" not in results and "figures" not in results and "tried" in results:
        yield Row(about, results["tried"], results["failed"])


def bound(tried: int, failed: int) -> str:
    """Below what rate it fails, with 95 % confidence; where some failed, the rate that was seen."""
    if not tried:
        return "-"
    if failed:
        return f"{failed / tried:.2%} seen"
    return f"below {3 / tried:.3%}" if tried > 3 else "-"


def page() -> str:
    """The text."""
    lines = [
        "# Reliability",
        "",
        "What the program promises, how often each promise was tried and broken, and what follows:",
        "0 failures in n trials put the rate of failures below 3/n (95 %, rule of three). Made by",
        "`python tools/reliability_page.py` from what the commands keep in tools/bench/results.",
    ]
    for source in SOURCES:
        lines += ["", f"## {source.about}", "", f"`.venv/bin/python {source.command}`", ""]
        path = RESULTS / source.file
        if not path.is_file():
            lines.append("Not run yet on a kept commit.")
            continue
        results = _last_object(path.read_text())
        machine = results.get("machine", "not on record")
        lines.append(f"Seed {results.get('seed', 'not on record')}, {_date(path, results)}, {machine}.")
        lines += ["", "| promise | tried | failed | bound |", "|---|---|---|---|"]
        for row in rows(results, source.about):
            lines.append(
                f"| {row.promise} | {row.tried:,} | {row.failed:,} | {bound(row.tried, row.failed)} |"
            )
    return "\n".join(lines) + "\n"


def _last_object(text: str) -> dict[str, Any]:
    """A file that is one JSON object, or whose last line is."""
    try:
        return json.loads(text)
    except ValueError:
        return json.loads(text.strip().splitlines()[-1])


def _date(path: Path, results: dict[str, Any]) -> str:
    """When it was measured: as the results say, else of the commit that kept them, else of the file."""
    if "date" in results:
        return str(results["date"])
    command = ["git", "log", "-1", "--format=%cs", "--", str(path)]
    kept = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()
    return kept or time.strftime("%Y-%m-%d", time.gmtime(path.stat().st_mtime))


if __name__ == "__main__":
    sys.exit(write_or_check(PAGE, page(), __doc__))
