"""Over 400 bad inputs, made on the spot, each with the verdict that is wanted, and the program run on all.

    .venv/bin/python tools/hostile_inputs.py --keep tools/bench/results/hostile.json
    .venv/bin/python tools/hostile_inputs.py --group audio --only silence

Rules: the right exit code, at most three lines, cause and cure, a word of what is wrong, a code, no
traceback, no files left behind, no hang, less than 1 GB of memory. A run that was stopped goes on where it
was (`--again` starts anew). The last line of stdout is one JSON object; exit code 1 if a rule was broken.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))
sys.path.insert(0, str(Path(__file__).parent))

from hostile import artefacts, contents, names, running, sounds, videos
from hostile.case import GROUPS, Case

STATE = Path(tempfile.gettempdir()) / "mimictalk-hostile"


def corpus() -> list[Case]:
    """All cases."""
    return [case for part in (videos, sounds, contents, names, artefacts) for case in part.cases()]


def run(cases: list[Case], state: Path, jobs: int) -> Iterator[dict[str, object]]:
    """Run cases, several at a time; gives how each went, in the order in which they end."""
    waiting, under_way = list(reversed(cases)), list[running.Running]()
    while waiting or under_way:
        while waiting and len(under_way) < jobs:
            folder = state / f"case-{os.getpid()}-{len(waiting)}"
            under_way.append(running.start(waiting.pop(), folder))
        for one in list(under_way):
            outcome = running.finished(one)
            if outcome is not None:
                under_way.remove(one)
                shutil.rmtree(one.folder, ignore_errors=True)
                yield outcome
        time.sleep(0.02)


def main() -> int:
    told = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    told.add_argument("--group", choices=sorted(GROUPS), help="only these")
    told.add_argument("--only", default="", help="only cases with this in their names")
    told.add_argument("--quick", action="store_true", help="only those that the tests run")
    told.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="at a time")
    told.add_argument("--state", type=Path, default=STATE, help="where it is kept how far a run has come")
    told.add_argument("--again", action="store_true", help="forget earlier runs")
    told.add_argument("--keep", type=Path, help="write the JSON here too")
    given = told.parse_args()
    wanted = [
        case for case in corpus()
        if given.only in case.name and given.group in (None, case.group) and (case.quick or not given.quick)
    ]  # fmt: skip
    given.state.mkdir(parents=True, exist_ok=True)
    journal = given.state / "results.jsonl"
    if given.again:
        journal.unlink(missing_ok=True)
    lines = journal.read_text().splitlines() if journal.exists() else []
    done = {one["case"]: one for one in map(json.loads, lines)}
    rest = [case for case in wanted if case.key not in done or done[case.key]["wrong"]]
    running.load()
    with journal.open("a") as file:
        for number, outcome in enumerate(run(rest, given.state, given.jobs), 1):
            done[str(outcome["case"])] = outcome
            file.write(json.dumps(outcome) + "\n")
            file.flush()
            said = "; ".join(map(str, outcome["wrong"])) if outcome["wrong"] else "right"  # type: ignore[call-overload]
            print(f"{number}/{len(rest)} {outcome['case']}: {said}", file=sys.stderr, flush=True)
    return _report([done[case.key] for case in wanted], given.keep)


def _report(outcomes: list[dict[str, object]], keep: Path | None) -> int:
    from bench.reliability import promise, report

    wrong = [one for one in outcomes if one["wrong"]]
    promises = [
        promise(f"bad inputs, {group}: right verdict, cause, cure, nothing left, no hang, under 1 GB",
                sum(str(one["case"]).startswith(f"{group}/") for one in outcomes),
                sum(str(one["case"]).startswith(f"{group}/") for one in wrong))
        for group in GROUPS if any(str(one["case"]).startswith(f"{group}/") for one in outcomes)
    ]  # fmt: skip
    report("hostile", 0, promises, keep, tried=len(outcomes), failed=len(wrong), failures=wrong[:50])
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
