"""Kill a render at many moments, run it again, and compare the video with that of a run unharmed.

    python tools/fault_injection/render.py                 # 60 random and 20 aimed moments, some minutes
    python tools/fault_injection/render.py --random 3 --aimed 2

Random moments are spread over the time of a whole run. Aimed ones lie where a kill could hurt: when a segment
is written but not flushed, before and in its line of the journal, after it, in the middle of joining and of
signing. Frames and sound must be the same, at most one segment of 2 s may be drawn twice, the signature must
hold and nothing may be left behind. The last line of stdout is one JSON object. Needs Linux.
"""

import argparse
import hashlib
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

os.environ.setdefault("OMP_NUM_THREADS", "1")  # a forked child has no other threads
ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "support"), str(ROOT / "tools")]

from bench.reliability import promise, report  # noqa: E402
from fault_injection.forked import Outcome, at_each_change, forked, killed_before  # noqa: E402
from fault_injection.tiny_render import FRAMES, VIDEO, prepare, render_numbers  # noqa: E402

SEGMENT = 50  # frames
Event = str
AIMED: dict[str, Callable[[Event], bool]] = {
    "segment written": lambda event: event.startswith("fsync") and event.endswith(".mp4.part"),
    "before its line in the journal": lambda event: event.startswith("fsync") and event.endswith(f"-{VIDEO}"),
    "in its line in the journal": lambda event: event.startswith("fsync") and event.endswith("journal.jsonl"),
    "after its line in the journal": lambda event: event.startswith("draw") and event.endswith(("00", "50")),
    "joining": lambda event: event.startswith("join"),
    "signing": lambda event: event.startswith("sign"),
}


def child(base: Path, folder: Path, kill_before: int | None, sign_share: float | None) -> int:
    """Run the render in this process; a line is kept for each event: changes of the disk, frames, signing.

    Args:
        base: What all runs share.
        folder: Of the run.
        kill_before: Number of the event that never happens; None for none.
        sign_share: Part of a second of signing after which the process is killed; None for none.
    """
    kept = os.open(folder.with_suffix(".events"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    happens = killed_before(kill_before, lambda _, event: os.write(kept, f"{event}\n".encode()))
    from mimictalk import provenance, segments

    sign, coded = provenance.sign, segments.sound_of_frame

    def signing(*arguments: Any) -> None:
        happens("sign")
        if sign_share is not None:
            threading.Timer(sign_share, os.kill, (os.getpid(), signal.SIGKILL)).start()
        began = time.monotonic()
        sign(*arguments)
        happens(f"signed {time.monotonic() - began}")

    def joining(samples: Any, index: int) -> Any:
        happens(f"join {index}")
        return coded(samples, index)

    at_each_change(str(folder), happens)
    with (
        mock.patch.object(provenance, "sign", signing),
        mock.patch.object(segments, "sound_of_frame", joining),
    ):
        render_numbers(base, folder, lambda number: happens(f"draw {number:04d}"))
    return 0


def run(
    base: Path,
    folder: Path,
    *,
    kill_before: int | None = None,
    kill_after: float | None = None,
    sign_share: float | None = None,
) -> Outcome:
    """Fork a child that renders in `folder`, and kill it where wanted."""
    return forked(lambda: child(base, folder, kill_before, sign_share), kill_after=kill_after)


def events_of(folder: Path) -> list[Event]:
    """Everything that happened in the runs of a folder so far."""
    kept = folder.with_suffix(".events")
    return kept.read_text().splitlines() if kept.exists() else []


def result_of(folder: Path) -> dict[str, Any]:
    """What must be the same after every kill."""
    import av

    from mimictalk.content_credentials import read_credentials
    from tiny_video_job import number_in

    with av.open(str(folder / VIDEO)) as container:
        numbers = [number_in(frame.to_ndarray(format="rgb24")) for frame in container.decode(video=0)]
    content: dict[str, Any] = {"video": hashlib.sha256(), "audio": hashlib.sha256()}
    with av.open(str(folder / VIDEO)) as container:
        for packet in container.demux():
            content[packet.stream.type].update(bytes(packet))
    read = read_credentials(folder / VIDEO, "video/mp4")
    return {
        "frames": hashlib.sha256(str(numbers).encode()).hexdigest(),
        **{name: digest.hexdigest() for name, digest in content.items()},
        "signed": (read.state, read.signer, read.synthetic),
        "left": sorted(path.name for path in folder.iterdir()),
    }


def try_moment(
    base: Path, number: int, wanted: dict[str, Any], moment: dict[str, Any]
) -> tuple[bool, int, str]:
    """Kill one run at a moment and finish it; whether it struck, frames drawn twice, what went wrong."""
    folder = base / f"run{number}"
    folder.mkdir()
    first = run(base, folder, **moment)
    whole = (folder / VIDEO).exists()  # the video was in place: the kill cost nothing
    if whole:
        before = result_of(folder)
        if any(before[name] != wanted[name] for name in wanted if name != "left"):
            return first.killed, 0, f"a video that is not whole stands under its name: {before}"
    second = run(base, folder)
    if second.code != 0:
        return first.killed, 0, f"the second run ended with {second.code}"
    drawn = sum(event.startswith("draw") for event in events_of(folder))
    twice = 0 if whole else drawn - FRAMES
    got = result_of(folder)
    wrong = [name for name in wanted if got[name] != wanted[name]]
    if twice > SEGMENT:
        wrong.append(f"{twice} frames were drawn twice")
    return first.killed, twice, f"differs in {', '.join(wrong)}: {got}" if wrong else ""


def moments_of(events: list[Event], seconds: float, aimed: int, count: int, draw: random.Random) -> Any:
    """Aimed moments, the kinds in turn, then random ones."""
    signed = next(float(event.split()[1]) for event in events if event.startswith("signed"))
    kinds = list(AIMED)
    for number in range(aimed):
        kind = kinds[number % len(kinds)]
        at = draw.choice([at for at, event in enumerate(events) if AIMED[kind](event)])
        where = {"sign_share": draw.uniform(0, signed)} if kind == "signing" else {"kill_before": at}
        yield kind, where
    for _ in range(count):
        yield "random", {"kill_after": draw.uniform(0, seconds)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--random", type=int, default=60)
    parser.add_argument("--aimed", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="write the JSON here too")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        prepare(base)
        (base / "first").mkdir()
        run(base, base / "first")  # makes the key of this machine, which later runs find
        unharmed = base / "unharmed"
        unharmed.mkdir()
        whole = run(base, unharmed)
        if whole.code != 0:
            print(f"the run unharmed ended with {whole.code}", file=sys.stderr)
            return 1
        wanted, draw = result_of(unharmed), random.Random(given.seed)
        moments = list(moments_of(events_of(unharmed), whole.seconds, given.aimed, given.random, draw))
        struck, most, failures = 0, 0, []
        for number, (kind, moment) in enumerate(moments):
            hit, twice, wrong = try_moment(base, number, wanted, moment)
            struck, most = struck + hit, max(most, twice)
            if wrong:
                failures.append({"kind": kind, "moment": moment, "wrong": wrong})
            said = f"{number + 1}/{len(moments)} {kind} {moment}: {wrong or 'same'}, {twice} frames twice"
            print(said, file=sys.stderr, flush=True)
    words = (
        "`render` killed at any time, then run again: the same frames and sound, at most one segment twice"
    )
    promises = [promise(words, len(moments), len(failures))]
    report("render", given.seed, promises, given.keep, tried=len(moments), failed=len(failures),
           struck=struck, frames_twice=most, failures=failures)  # fmt: skip
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
