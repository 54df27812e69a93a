"""Writes docs/performance.md from what the benches of speed keep in tools/bench/results.

.venv/bin/python tools/performance_page.py [--check]     # --check writes nothing, and exits 1 if it would
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from written_page import write_or_check

ROOT = Path(__file__).resolve().parents[1]
RESULT, PAGE = ROOT / "tools/bench/results/stages.json", ROOT / "docs/performance.md"
GROUPS = {
    "render": "One frame of `render`, 512 x 512",
    "adapt": "One step of `adapt`",
}


def table(figures: list[dict[str, Any]], group: str) -> Iterator[str]:
    """Lines of Markdown: every stage of a group beside its floor."""
    rows = {f["name"].partition("/")[2]: f for f in figures if f["name"].startswith(f"{group}/")}
    whole = rows.pop("all")["value"]
    rates = [rows.pop(name) for name in ("matrix products", "copying")]
    told = " and ".join(f"{rate['value']:.1f} {rate['unit'].partition(' ')[0]}" for rate in rates)
    yield f"This core multiplied matrices and copied memory at {told} meanwhile."
    yield ""
    yield "| stage | ms of CPU | share | floor, ms | times the floor |"
    yield "|---|---|---|---|---|"
    for name, found in sorted(rows.items(), key=lambda row: -row[1]["value"]):
        spent, floor = found["value"], found["baseline"]
        share = "-" if "one in" in name else f"{spent / whole:.0%}"
        near = f"{floor:.1f} | {spent / floor:.1f}" if floor else "- | -"
        yield f"| {name} | {spent:.1f} | {share} | {near} |"


def page() -> str:
    """The text."""
    found = json.loads(RESULT.read_text())
    lines = [
        "# Where the time goes",
        "",
        "What a frame and a step cost on one core, stage by stage. Frames are drawn and learned one on each",
        "core, so that the rate of two cores is nearly twice that of one. The floor of a stage is the larger",
        "of its arithmetic over the speed of matrix products and its bytes over that of copying memory. Made",
        "by `python tools/performance_page.py` from what `tools/bench/stages.py` keeps. Whole commands, with",
        "start and files, are measured by `tools/measure_line.py` ([Measuring](measuring.md)).",
        "",
        f"{found['machine']}, commit {found['commit'][:7]}.",
    ]
    for group, about in GROUPS.items():
        lines += ["", f"## {about}", "", *table(found["figures"], group)]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(write_or_check(PAGE, page(), __doc__))
