"""Measures how well the program tells how long it will still take.

    .venv/bin/python tools/bench/eta.py --keep tools/bench/results/eta.json          about 20 minutes
    .venv/bin/python tools/bench/eta.py --runs 1 --clips 1 --seconds 8 --steps 30

`adapt`, `render` and `track` run on synthetic material, and each line of progress says how much is left of its
stage. Of the stage that takes longest: the error of that, over the time the whole stage took, for every line
after its first tenth; a run keeps the promise if the median is at most 15 %. Needs a machine that does nothing
else meanwhile.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[1]))
# Behind everything else: the files beside this one are named like packages.
sys.path.sort(key=lambda place: Path(place).resolve() == Path(__file__).resolve().parent)
from bench.program_jobs import Report, prepare, start
from bench.reliability import promise, report

GOAL, FIRST = 0.15, 0.1
JOBS = ("adapt", "render", "track")


def errors(reports: list[Report]) -> list[float]:
    """Errors of the time left in one stage, over the time it took, after its first tenth."""
    began, ended = reports[0].at, reports[-1].at
    took = ended - began
    later = [one for one in reports if one.at - began >= FIRST * took and one.at < ended]
    return [abs(one.left - (ended - one.at)) / took for one in later if one.left is not None]


def longest(reports: list[Report]) -> list[Report]:
    """The reports of the stage that took longest."""
    stages: dict[str, list[Report]] = {}
    for one in reports:
        stages.setdefault(one.stage, []).append(one)
    return max(stages.values(), key=lambda told: told[-1].at - told[0].at)


def main() -> int:
    told = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    told.add_argument("--runs", type=int, default=4, help="of each command")
    told.add_argument("--clips", type=int, default=4, help="times 12 s are tracked and learned from")
    told.add_argument("--seconds", type=float, default=40.0, help="of speech that are rendered")
    told.add_argument("--steps", type=int, default=120, help="of learning")
    told.add_argument("--only", choices=JOBS, help="only this command")
    told.add_argument("--keep", type=Path, help="write the JSON here too")
    given = told.parse_args()
    promises, medians = [], dict[str, list[float]]()
    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        prepare(base, given.clips, given.seconds)
        for job in (given.only,) if given.only else JOBS:
            medians[job] = []
            for number in range(given.runs):
                folder = base / f"{job}{number}"
                folder.mkdir()
                running = start(job, base, folder, given.steps)
                reports = list(running.reports())
                if running.process.returncode:
                    print("\n".join(running.said), file=sys.stderr)
                    return 1
                main_stage = longest(reports)
                medians[job].append(median(errors(main_stage)))
                took, whole = main_stage[-1].at - main_stage[0].at, reports[-1].at
                said = f"{job} {number + 1}/{given.runs}: {main_stage[0].stage}, {took:.1f} of {whole:.1f} s"
                print(f"{said}, median error {medians[job][-1]:.1%}", file=sys.stderr, flush=True)
            words = f"`{job}`: after a tenth of its longest stage, the time left is told to 15 % (median)"
            promises.append(promise(words, given.runs, sum(error > GOAL for error in medians[job])))
    rounded = {job: [round(error, 4) for error in found] for job, found in medians.items()}
    report("eta", 0, promises, given.keep, median_errors=rounded)
    return int(any(one["failed"] for one in promises))


if __name__ == "__main__":
    sys.exit(main())
