"""Many units under fire: clips and render jobs while workers and a machine are killed; throughput; memory.

    .venv/bin/python tools/bench/scale.py REF.mp4 [MORE.mp4 ...] --keep tools/bench/results/scale.json
    .venv/bin/python tools/bench/scale.py REF.mp4 --parts ray --clips 4 --kills 2             # one part, tiny

preprocess  pieces cut from the clips, on two local processes, each killed at random moments, against a serial run
ray         the same on a Ray cluster of two nodes of this machine; one of the moments kills a whole node
batch       render jobs on such a cluster, under the same fire, against an undisturbed run
throughput  two workers, local and Ray, against the sum of unit times over two; units of more than 5 s
memory      a worker's memory over 500 idle and 500 real units

Whoever begins a unit writes it down, so that "begun again" is what workers did, not what the scheduler believes.
Progress goes to stderr, one JSON object to the last line of stdout. With --keep each part's figures take the place
of those that the file held of this part, so that parts may be run one by one. Ray: pip install 'mimictalk[ray]'.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "support"))
sys.path.insert(0, str(Path(__file__).parents[1]))
# Files beside this one are named like packages. Its own folder is taken out altogether: to workers of Ray, which
# put the folder of the script that they serve before all others, it would come first again.
if str(Path(__file__).resolve().parent) in sys.path:
    sys.path.remove(str(Path(__file__).resolve().parent))
from bench import scale_batch, scale_memory, scale_preprocess, scale_throughput
from bench.figures import Figure, report
from bench.scale_pieces import cut

PARTS = ("preprocess", "ray", "batch", "throughput", "memory")


def figures_of(part: str, args: argparse.Namespace, folder: Path) -> list[Figure]:
    """Run one part in a folder that exists."""
    if part in ("preprocess", "ray"):
        pieces = folder.parent / "pieces"
        if not pieces.is_dir():
            cut(args.clips_given, args.clips, args.seconds, pieces)
        # One serial run serves both parts.
        alone = folder.parent / "alone"
        wanted, serial_s, figures = scale_preprocess.serial(pieces, alone)
        print(f"{part}: serial {serial_s:.0f} s", file=sys.stderr)
        if part == "preprocess":
            figures += scale_preprocess.quiet(pieces, folder, wanted, 2, args.seed)
        return figures + scale_preprocess.under_fire(
            pieces, folder, wanted, serial_s / 2, args.kills, args.seed, part == "ray"
        )
    if part == "batch":
        return scale_batch.measure(folder, args.jobs, args.speech, args.kills, args.seed)
    if part == "throughput":
        pieces = cut(args.clips_given, args.long_clips, args.long_seconds, folder / "pieces")
        return scale_throughput.measure(pieces, folder, args.units)
    return scale_memory.measure(folder, args.units)


def merged(kept: Path, figures: list[Figure]) -> list[Figure]:
    """These figures after those of other parts that the file holds."""
    parts = {str(found["name"]).partition("/")[0] for found in figures}
    before = json.loads(kept.read_text())["figures"] if kept.is_file() else []
    return [found for found in before if found["name"].partition("/")[0] not in parts] + figures


def main() -> None:
    """Run the bench."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("clips_given", type=Path, nargs="+", metavar="REF.mp4")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--clips", type=int, default=40)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each clip")
    parser.add_argument("--jobs", type=int, default=60)
    parser.add_argument("--speech", type=float, default=0.5, help="seconds of sound of each job")
    parser.add_argument("--kills", type=int, default=20, help="moments, of each part with kills")
    parser.add_argument("--long-clips", type=int, default=12, help="of the throughput")
    parser.add_argument("--long-seconds", type=float, default=6.0, help="of each of them")
    parser.add_argument("--units", type=int, default=500, help="short ones, for overhead and memory")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="merge the JSON into this file")
    args = parser.parse_args()
    # Workers of a cluster import what this process can import.
    os.environ["PYTHONPATH"] = os.pathsep.join(place for place in sys.path if place)
    with tempfile.TemporaryDirectory() as name:
        new: list[Figure] = []
        for part in args.parts:
            begin = time.monotonic()
            (folder := Path(name) / part).mkdir()
            figures = [
                {**found, "name": f"{part}/{found['name']}"} for found in figures_of(part, args, folder)
            ]
            print(f"{part}: {time.monotonic() - begin:.0f} s in all", file=sys.stderr)
            new += figures
            if args.keep:  # after each part: a run that is stopped keeps what it has
                report("scale", args.seed, merged(args.keep, figures), args.keep)
    if not args.keep:
        report("scale", args.seed, new, None)


if __name__ == "__main__":
    main()
