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
RESULTS, PAGE = ROOT / "tools/bench/results", ROOT / "docs/performance.md"
CHART = "pictures/line_scaling.svg"  # beside the page
GROUPS = {
    "render": "One frame of `render`, 512 x 512",
    "adapt": "One step of `adapt`",
}
FULL_GROUPS = {
    "full render": "One frame of `render --preset full`, 512 x 512",
    "full adapt": "One step of `adapt --preset full`",
}


FULL = (
    "The published architecture with random weights, by `tools/bench/stages_full.py`; the whole frame beside",
    "the published code is measured by `tools/bench/portrait3d_full.py`. Floors are of float32: where the",
    "machine multiplies bfloat16, a network may be faster.",
)
BESIDE = (
    "CPU seconds of the stages of one frame, the published code's and ours in one run with the same weights.",
    "What is worked out once per person is not in ours.",
)
SCALING = (
    "`render` against the length of the sound, a frame against the pixels of its picture, and the volume",
    "renderer against rays and samples, by `tools/bench/line_scaling.py`: time is to grow along a straight",
    "line, memory with length not at all. Flat memory has no variance to explain, so that its R squared says",
    "nothing. The chart shows everything over its own largest value.",
)
PIPED = (
    "`mimictalk render --audio - --out -` with sound at the pace of speech, by `tools/bench/piped.py`: once",
    "started with the sound, once waiting for it. A machine that keeps pace gives 25 frames a second and a",
    "delay that does not grow.",
)


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


def beside(figures: list[dict[str, Any]]) -> Iterator[str]:
    """Lines of Markdown: stages of the published frame, and of ours in both precisions."""
    by_name = {one["name"]: one for one in figures}
    yield "| stage | published | float32 | bfloat16 | times faster |"
    yield "|---|---|---|---|---|"
    whole = [(name, f"stage/{name}", f"stage_bfloat16/{name}") for name in _stages(by_name)]
    for name, exact, half in [*whole, ("all", "frame/cpu_seconds", "bfloat16/cpu_seconds")]:
        theirs, ours = by_name[exact]["baseline"], by_name[exact]["value"]
        least = by_name.get(half, by_name[exact])["value"]
        times = f"{theirs / least:.1f}" if least > 0 else "-"
        yield f"| {name} | {theirs:.2f} | {ours:.2f} | {least:.2f} | {times} |"


def _stages(figures: dict[str, Any]) -> list[str]:
    stages = [name.partition("/")[2] for name in figures if name.startswith("stage/")]
    return sorted(stages, key=lambda name: -figures[f"stage/{name}"]["baseline"])


def straight(found: dict[str, Any]) -> Iterator[str]:
    """Lines of Markdown: the ends of every curve, and how straight it is between them."""
    values = {one["name"]: one["value"] for one in found["figures"]}
    yield "| curve | from | to | R squared | farthest from the line |"
    yield "|---|---|---|---|---|"
    for name, told in found["curves"].items():
        (x, y), (far, most) = told["points"][0], told["points"][-1]
        ends = f"{y:.4g} {told['y']} at {x:g} | {most:.4g} {told['y']} at {far:g}"
        share = values.get(f"{name}/largest deviation")
        line = "- | -" if share is None else f"{values[f'{name}/R squared']:.4f} | {share:.1%}"
        yield f"| {name} ({told['x']}) | {ends} | {line} |"


def piped(found: dict[str, Any]) -> Iterator[str]:
    """Lines of Markdown: every figure of the pipe, one column for each size of the picture."""
    rows: dict[str, dict[str, str]] = {}
    for one in found["figures"]:
        size, _, name = one["name"].partition("/")
        value = "-" if one["value"] is None else f"{one['value']:.3g} {one['unit']}"
        rows.setdefault(name, {})[size] = value
    sizes = sorted({size for row in rows.values() for size in row}, key=int)
    yield f"| | {' | '.join(f'{size} x {size}' for size in sizes)} |"
    yield "|---" * (len(sizes) + 1) + "|"
    for name, row in rows.items():
        yield f"| {name} | {' | '.join(row.get(size, '-') for size in sizes)} |"


def kept(name: str) -> dict[str, Any] | None:
    """What a bench kept; None where it never was run to be kept."""
    path = RESULTS / f"{name}.json"
    return json.loads(path.read_text()) if path.is_file() else None


def made_on(found: dict[str, Any]) -> str:
    """Which machine and commit a result is of."""
    return f"{found['machine']}, commit {found['commit'][:7]}."


def page() -> str:
    """The text."""
    found = json.loads((RESULTS / "stages.json").read_text())
    lines = [
        "# Where the time goes",
        "",
        "What a frame and a step cost on one core, stage by stage. Frames are drawn and learned one on each",
        "core, so that the rate of two cores is nearly twice that of one. The floor of a stage is the larger",
        "of its arithmetic over the speed of matrix products and its bytes over that of copying memory. Made",
        "by `python tools/performance_page.py` from what `tools/bench/stages.py` keeps. Whole commands, with",
        "start and files, are measured by `tools/measure_line.py` ([Measuring](measuring.md)).",
        "",
        made_on(found),
    ]
    for group, about in GROUPS.items():
        lines += ["", f"## {about}", "", *table(found["figures"], group)]
    if (full := kept("stages_full")) is not None:
        lines += ["", "## The preset `full`", "", *FULL, "", made_on(full)]
        for group, about in FULL_GROUPS.items():
            lines += ["", f"### {about}", "", *table(full["figures"], group)]
    if (both := kept("portrait3d_full")) is not None and any(
        one["name"].startswith("stage/") and one["baseline"] for one in both["figures"]
    ):
        lines += [
            "",
            "### Beside the published code",
            "",
            *BESIDE,
            "",
            made_on(both),
            "",
            *beside(both["figures"]),
        ]
    if (scaling := kept("line_scaling")) is not None:
        lines += ["", "## More of everything", "", *SCALING, "", made_on(scaling), "", *straight(scaling)]
        if (PAGE.parent / CHART).is_file():
            lines += ["", f"![Time and memory against length, rays and samples]({CHART})"]
    if (through := kept("piped")) is not None:
        lines += ["", "## Through pipes", "", *PIPED, "", made_on(through), "", *piped(through)]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(write_or_check(PAGE, page(), __doc__))
