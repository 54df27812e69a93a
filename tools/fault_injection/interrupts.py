"""Stop `adapt`, `render` and `track` with Ctrl-C at random moments: at once, in words, with nothing lost.

    .venv/bin/python tools/fault_injection/interrupts.py --keep tools/bench/results/interrupts.json
    .venv/bin/python tools/fault_injection/interrupts.py --count 2 --seconds 4 --steps 10

The real program runs on synthetic material; 20 random moments each, from 0.2 s after its start, when Python
itself is loaded, to its end. Right is: it ends within 2 s with exit code 130 and says how to go on, no result
stands under its name, and what was reported as learned or drawn (whole segments of 2 s) is on the disk. Needs
a machine that does nothing else meanwhile.
"""

import argparse
import json
import random
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from threading import Timer

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "support"), str(ROOT / "tools")]

from bench.program_jobs import Report, Running, prepare, start  # noqa: E402
from bench.reliability import promise, report  # noqa: E402

MOST, EXIT_CODE = 2.0, 130
BEGINS = 0.2  # seconds until Python itself is loaded
SEGMENT = 50  # frames
RESULTS = {"adapt": "me", "render": "out.mp4", "track": "track.csv"}


def stopped_at(running: Running, moment: float) -> tuple[float, Report | None]:
    """Press Ctrl-C at a moment; seconds until the program has ended, and the last report before."""
    pressed: list[float] = []

    def press() -> None:
        with suppress(ProcessLookupError):
            running.interrupt()
            pressed.append(time.monotonic())

    last = None
    finger = Timer(running.began + moment - time.monotonic(), press)
    finger.start()
    for one in running.reports():
        last = last if pressed else one
    ended = time.monotonic()
    finger.cancel()
    finger.join()
    return (ended - pressed[0] if pressed else 0.0), last


def kept(job: str, folder: Path, last: Report | None) -> str:
    """What is missing of what was reported as done; "" if nothing is."""
    if job == "adapt" and last is not None and last.stage == "adapt":
        from safetensors import safe_open

        states = list((folder / "cache").rglob("*.safetensors"))
        found = [safe_open(str(path), "pt").metadata() or {} for path in states]
        done = max((json.loads(one["history"])["done"] for one in found if "history" in one), default=0)
        return "" if done >= last.done else f"{last.done} steps were reported, {done} are kept"
    if job == "render" and last is not None and last.stage == "render":
        segments = len(list(folder.glob(".mimictalk-render-*/*-*.mp4")))
        return "" if segments >= last.done // SEGMENT else f"{segments} segments after {last.done} frames"
    return ""


def try_moment(
    job: str, base: Path, folder: Path, steps: int, moment: float
) -> tuple[float, str, Report | None]:
    """Stop one run; how long that took, what went wrong, and the last report before."""
    folder.mkdir()
    running = start(job, base, folder, steps)
    took, last = stopped_at(running, moment)
    code, said = running.process.returncode, "\n".join(running.said)
    wrong = [f"it took {took:.1f} s"] if took > MOST else []
    if code == 0:
        return took, "; ".join(wrong), last  # it was at its end, or took no notice
    if code != EXIT_CODE or "Stopped. " not in said or "Traceback" in said:
        wrong.append(f"it ended with {code}: {said[-300:]}")
    if (folder / RESULTS[job]).exists():
        wrong.append("there is a result")
    if missing := kept(job, folder, last):
        wrong.append(missing)
    return took, "; ".join(wrong), last


def main() -> int:
    told = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    told.add_argument("--count", type=int, default=20, help="moments for each command")
    told.add_argument("--clips", type=int, default=1, help="times 12 s are tracked and learned from")
    told.add_argument("--seconds", type=float, default=12.0, help="of speech that are rendered")
    told.add_argument("--steps", type=int, default=20, help="of learning")
    told.add_argument("--only", choices=RESULTS, help="only this command")
    told.add_argument("--seed", type=int, default=0)
    told.add_argument("--keep", type=Path, help="write the JSON here too")
    given = told.parse_args()
    draw, promises, failures = random.Random(given.seed), [], []
    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        prepare(base, given.clips, given.seconds)
        for job in (given.only,) if given.only else RESULTS:
            folder = base / f"{job}-whole"
            folder.mkdir()
            whole = list(start(job, base, folder, given.steps).reports())
            slowest, bad = 0.0, 0
            for number in range(given.count):
                moment = draw.uniform(BEGINS, whole[-1].at)
                took, wrong, last = try_moment(job, base, base / f"{job}{number}", given.steps, moment)
                slowest, bad = max(slowest, took), bad + bool(wrong)
                if wrong:
                    failures.append({"job": job, "moment": moment, "wrong": wrong})
                where = (
                    "before its first report" if last is None else f"{last.stage} {last.done}/{last.total}"
                )
                said = f"{job} {number + 1}/{given.count}, {moment:.1f} s, {where}: {took:.2f} s"
                print(f"{said}, {wrong or 'right'}", file=sys.stderr, flush=True)
            words = (
                f"`{job}`: Ctrl-C ends it within 2 s (slowest {slowest:.1f} s), in words, with nothing lost"
            )
            promises.append(promise(words, given.count, bad))
    report("interrupts", given.seed, promises, given.keep, failures=failures)
    return int(bool(failures))


if __name__ == "__main__":
    sys.exit(main())
