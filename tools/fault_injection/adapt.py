"""Kill an adaptation at many moments, run the same command again, compare what comes out with a run unharmed.

    python tools/fault_injection/adapt.py                 # 60 random and 20 aimed moments, some minutes
    python tools/fault_injection/adapt.py --random 3 --aimed 2

Random moments are spread over the time of a whole run. Aimed ones lie right before each change of the disk:
before a file is opened to be written, flushed, renamed or removed, from the first state to the avatar in its
place and the state's removal. The last line of stdout is one JSON object. Needs fork, so no Windows.
"""

import argparse
import hashlib
import os
import random
import sys
import tempfile
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # a forked child has no other threads
ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "support"), str(ROOT / "tools")]

from bench.reliability import promise, report  # noqa: E402
from fault_injection.forked import Outcome, at_each_change, forked, killed_before  # noqa: E402
from fault_injection.tiny_adaptation import AVATAR, adapt_ball, prepare  # noqa: E402

FILES = ("identity.safetensors", "adapter_model.safetensors", "adapter_config.json", "preview.png")
FACTS = ("steps", "best_step", "held_out", "loss", "skipped_steps", "rollbacks", "frames")


def child(folder: Path, kill_before: int | None) -> int:
    """Run the adaptation in this process; counts the changes of the disk under `folder`.

    Args:
        folder: Of the run.
        kill_before: Number of the change that never happens; None for none.
    """
    counter = os.open(folder.with_suffix(".count"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    change = killed_before(kill_before, lambda seen, _: os.pwrite(counter, str(seen).encode(), 0))
    at_each_change(str(folder), change)
    from mimictalk.errors import InputError

    try:
        adapt_ball(folder)
    except InputError as error:
        return 2 if "already there" in error.cause else 1
    return 0


def run(folder: Path, *, kill_before: int | None = None, kill_after: float | None = None) -> Outcome:
    """Fork a child that adapts in `folder`, and kill it where wanted."""
    return forked(lambda: child(folder, kill_before), kill_after=kill_after)


def changes_of(folder: Path) -> int:
    """How often the last run in a folder changed the disk or was about to."""
    counted = folder.with_suffix(".count")
    return int(counted.read_text() or 0) if counted.exists() else 0


def result_of(folder: Path) -> dict[str, Any]:
    """What must be the same after every kill: sha256 of the files, facts of the run, nothing left behind."""
    from mimictalk.avatar import Avatar

    avatar = Avatar.load(folder / AVATAR)
    facts = {name: avatar.manifest.meta.get(name) for name in FACTS}
    hashes = {name: hashlib.sha256((folder / AVATAR / name).read_bytes()).hexdigest() for name in FILES}
    left = sorted(path.name for path in folder.iterdir() if path.name.startswith(".mimictalk-"))
    return {"files": hashes, "facts": facts, "left": left}


def try_moment(base: Path, number: int, wanted: dict[str, Any], **moment: Any) -> tuple[bool, str]:
    """Kill one run at a moment and finish it; whether the kill struck, and what went wrong."""
    folder = base / f"run{number}"
    folder.mkdir()
    first = run(folder, **moment)
    second = run(folder)
    if second.code not in (0, 2) or (second.code == 2 and not (folder / AVATAR).exists()):
        return first.killed, f"the second run ended with {second.code}"
    got = result_of(folder)
    if second.code == 2:  # killed with the avatar in place: only a sweep was missing
        got["left"] = []
    wrong = [name for name in wanted if got[name] != wanted[name]]
    return first.killed, f"differs in {', '.join(wrong)}: {got}" if wrong else ""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--random", type=int, default=60)
    parser.add_argument("--aimed", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="write the JSON here too")
    given = parser.parse_args()
    prepare()
    draw = random.Random(given.seed)
    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        unharmed = base / "unharmed"
        unharmed.mkdir()
        whole = run(unharmed)
        if whole.code != 0:
            print(f"the run unharmed ended with {whole.code}", file=sys.stderr)
            return 1
        wanted, changes = result_of(unharmed), changes_of(unharmed)
        aimed = sorted(draw.sample(range(changes), min(given.aimed, changes)))
        moments: list[dict[str, Any]] = [{"kill_before": at} for at in aimed]
        moments += [{"kill_after": draw.uniform(0, whole.seconds)} for _ in range(given.random)]
        struck, failures = 0, []
        for number, moment in enumerate(moments):
            hit, wrong = try_moment(base, number, wanted, **moment)
            struck += hit
            if wrong:
                failures.append({"moment": moment, "wrong": wrong})
            print(f"{number + 1}/{len(moments)} {moment} {wrong or 'same'}", file=sys.stderr, flush=True)
    words = "`adapt` killed at any time, then run again: the same avatar, bit for bit"
    promises = [promise(words, len(moments), len(failures))]
    report("adapt", given.seed, promises, given.keep, tried=len(moments), failed=len(failures),
           struck=struck, changes=changes, failures=failures)  # fmt: skip
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
