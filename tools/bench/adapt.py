"""Learns the people of the reference clips as a user would, and judges what was learned on frames kept back.

    .venv/bin/python tools/bench/adapt.py --keep tools/bench/results/adapt.json     # some hours on 2 cores
    .venv/bin/python tools/bench/adapt.py --clips ref_m_german_20s --parts whole stills --steps 50 --first 8

Clips: those named, or the reference clips of real people in MIMICTALK_MEDIA (../shared/media by default).
Each is brought to 512 x 512 by its tracker's crop where it is not, learned from its first 80 % and judged on
the rest by the code of `tools/measure_line`. The parts:

    stills     the mean frame and the nearest frame of what is learned from, as baselines
    whole      `mimictalk adapt`, then `render --drive` with the rest: likeness, time, memory
    static     the avatar speaks the rest without moving its head: flicker against the true clip's
    first-5s   learned from the first five seconds only, beside the stills of these, and by the published recipe
    ablations  `mimictalk ablate`: without planes, without LoRA, from random weights, by the published recipe

What a part found is kept in --out as soon as it is there; the same command goes on after a kill, and learning
itself goes on where it stopped. Progress goes to stderr, one JSON object to the last line of stdout.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
# Its own folder goes last: files beside this one are named like packages.
sys.path.sort(key=lambda place: Path(place).resolve() == Path(__file__).resolve().parent)
from bench.adapt_figures import figures_of
from bench.adapt_parts import PARTS, Bench, measured
from bench.figures import report
from measure_line.main import find_clip

ROOT = Path(__file__).resolve().parents[2]
MEDIA = Path(os.environ.get("MIMICTALK_MEDIA", ROOT.parent / "shared" / "media"))
CLIPS = ("ref_m_german_20s", "ref_m_french_50s", "ref_f_crop512_24s", "ref_f_landscape_24s")


def parser() -> argparse.ArgumentParser:
    """The reader of the command line."""
    told = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    told.add_argument("--clips", nargs="+", default=list(CLIPS), help="names or files")
    told.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    told.add_argument("--steps", type=int, help="of everything that learns [as each recipe needs]")
    told.add_argument("--first", type=float, help="use only so many seconds of each clip")
    told.add_argument("--seed", type=int, default=0)
    told.add_argument(
        "--out", type=Path, default=ROOT / "out" / "bench_adapt", help="folder of everything made"
    )
    told.add_argument("--keep", type=Path, help="write the JSON here too")
    return told


def main(arguments: list[str] | None = None) -> int:
    """Measure what is missing and print all figures; 1 if something could not be measured, else 0."""
    asked = parser().parse_args(arguments)
    settings = Bench(asked.out.resolve(), asked.steps, asked.first, asked.seed)
    clips = [find_clip(name, MEDIA) for name in asked.clips]
    found = {clip.stem: measured(settings, clip, asked.parts) for clip in clips}
    figures = figures_of(found, asked.parts)
    also = ", ".join(
        f"{name} {value}" for name, value in (("steps", asked.steps), ("first", asked.first)) if value
    )
    commits = {part["commit"] for parts in found.values() for part in parts.values() if "commit" in part}
    if len(commits) > 1:
        also = ", ".join(filter(None, [also, f"parts of {len(commits)} commits"]))
    for one in figures:
        print(f"{one['name']:<44} {one['value']} {one['unit']} {one['holds']}", file=sys.stderr)
    report("adapt", asked.seed, figures, asked.keep, also)
    return int(any(one["value"] is None for one in figures))


if __name__ == "__main__":
    raise SystemExit(main())
