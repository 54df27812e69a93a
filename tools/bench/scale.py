"""Preprocessing under fire: many clips, workers killed at random, against the serial run.

    .venv/bin/python tools/bench/scale.py REF.mp4 [MORE.mp4 ...] --clips 40 --kills 20     # about ten minutes
    .venv/bin/python tools/bench/scale.py REF.mp4 --clips 8 --seconds 2 --ray

Pieces are cut from the clips given, so that each is another file. Measured: whether every shard is bit for bit
that of the serial run although workers are killed with SIGKILL at random moments, what was done twice, the
throughput of two workers against the sum of unit times over two, the overhead of a unit that does nothing, the
growth of a worker's memory over 500 units, and how near `tools/scaling` comes to the real wall time. Progress
goes to stderr, one JSON object to the last line of stdout.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
# Its own folder goes last: files beside this one are named like packages.
sys.path.sort(key=lambda place: Path(place).resolve() == Path(__file__).resolve().parent)
import av
import psutil

from bench.figures import Figure, figure, report
from mimictalk.console import Console
from mimictalk.preprocessing import PreprocessSettings, preprocess
from mimictalk.units.ledger import Ledger
from mimictalk.units.runners import open_runner
from mimictalk.units.unit import Runner, Unit
from scaling.cluster import Cluster, Workload, simulate

WORKERS = 2


def cut(sources: list[Path], count: int, seconds: float, folder: Path) -> None:
    """Write `count` pieces of the clips, each from another place, without coding anew."""
    folder.mkdir(parents=True)
    for number in range(count):
        source, turn = sources[number % len(sources)], number // len(sources)
        with av.open(str(source)) as whole:
            length = float((whole.duration or 0) / av.time_base)
            start = (turn * 0.73 * seconds) % max(length - seconds, 0.1)
            whole.seek(int(start * av.time_base))
            with av.open(str(folder / f"piece_{number:03d}.mp4"), "w") as piece:
                wanted = (*whole.streams.video[:1], *whole.streams.audio[:1])
                streams = {stream.index: piece.add_stream_from_template(stream) for stream in wanted}
                first: float | None = None
                for packet in whole.demux(*wanted):
                    if packet.dts is None:
                        continue
                    at = float(packet.dts * packet.time_base)
                    if first is None:
                        first = at
                    if at - first > seconds:
                        break
                    packet.stream = streams[packet.stream.index]
                    piece.mux(packet)


class Killer(threading.Thread):
    """Kills a random worker of this process at random moments."""

    def __init__(self, kills: int, every_s: float, seed: int) -> None:
        super().__init__(daemon=True)
        self.left, self.every_s, self.rng = kills, every_s, random.Random(seed)
        self.killed, self.over = 0, threading.Event()

    def run(self) -> None:
        while self.left and not self.over.wait(self.rng.uniform(0.2, 1.8) * self.every_s):
            workers = [
                process for process in psutil.process_iter(["cmdline"]) if _at_work(process.info["cmdline"])
            ]
            if workers:
                os.kill(self.rng.choice(workers).pid, signal.SIGKILL)
                self.killed += 1
                self.left -= 1


def _at_work(command: list[str] | None) -> bool:
    """A Ray worker is named after its task; a local worker is a spawned process and does nothing else."""
    words = " ".join(command or ())
    return words.startswith("ray::do_unit") or "multiprocessing.spawn import spawn_main" in words


def made(pieces: Path, out: Path, runner: Runner) -> tuple[dict[str, str], float, Ledger]:
    """Preprocess all pieces; returns sha256 by shard, wall seconds and the ledger."""
    begin = time.monotonic()
    ledger = out.with_suffix(".jsonl")
    console = Console(quiet=True)
    preprocess(str(pieces), str(out), ledger, PreprocessSettings(60), runner, console)
    index = json.loads((out / "index.json").read_text())
    hashes = {entry["shard"]: entry["sha256"] for entry in index["shards"]}
    return hashes, time.monotonic() - begin, Ledger(ledger)


def main() -> None:
    """Run the bench."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("clips_given", type=Path, nargs="+", metavar="REF.mp4")
    parser.add_argument("--clips", type=int, default=40)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each piece")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--ray", action="store_true", help="a Ray cluster in place of local processes")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="write the JSON here too")
    args = parser.parse_args()
    local = {"workers": None, "ray": "local"} if args.ray else {"workers": WORKERS, "ray": None}
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cut(args.clips_given, args.clips, args.seconds, folder / "pieces")
        print("pieces cut", file=sys.stderr)
        with open_runner(workers=1) as runner:
            serial, serial_s, _ = made(folder / "pieces", folder / "serial", runner)
        print(f"serial run: {serial_s:.0f} s", file=sys.stderr)
        with open_runner(**local) as runner:
            quiet, quiet_s, book = made(folder / "pieces", folder / "quiet", runner)
        print(f"{WORKERS} workers: {quiet_s:.0f} s", file=sys.stderr)
        killer = Killer(args.kills, quiet_s / max(args.kills, 1), args.seed)
        with open_runner(**local) as runner:
            killer.start()
            fired, fired_s, fired_book = made(folder / "pieces", folder / "fired", runner)
            killer.over.set()
        print(f"under fire: {fired_s:.0f} s, {killer.killed} workers killed", file=sys.stderr)
        seconds = [o.seconds for o in book.outcomes.values() if o.done]
        ideal = sum(seconds) / WORKERS
        attempts = sum(o.attempts for o in fired_book.outcomes.values())
        planned = simulate(
            Cluster(1, WORKERS, start_s=0.0), Workload(len(seconds), tuple(seconds)), args.seed
        )
        figures += [
            figure(
                "quiet/shards_differ", sum(serial[k] != quiet.get(k) for k in serial), "", goal=0, most=True
            ),
            figure(
                "fired/shards_differ", sum(serial[k] != fired.get(k) for k in serial), "", goal=0, most=True
            ),
            figure("fired/workers_killed", killer.killed, "", goal=args.kills),
            figure(
                "fired/more_attempts_than_kills",
                attempts - len(serial) - killer.killed,
                "",
                goal=0,
                most=True,
            ),
            figure("quiet/unit_seconds", sum(seconds) / len(seconds), "s"),
            figure("quiet/throughput_of_ideal", ideal / quiet_s, "", goal=0.9),
            figure("quiet/planned_over_real_time", planned.hours * 3600 / quiet_s, ""),
        ]
        with open_runner(workers=1) as runner:
            units = [Unit(f"{n}", "mimictalk.units.unit:idle", {}) for n in range(500)]
            begin, sizes = time.monotonic(), []
            for outcome in Ledger(folder / "nothing.jsonl").run(units, runner):
                sizes.append(outcome.facts["rss"])
            each = (time.monotonic() - begin) / len(units)
        figures += [
            figure("empty_unit/overhead", 1e3 * each, "ms"),
            figure(
                "empty_unit/memory_growth_over_500", (sizes[-1] - sizes[20]) / 2**20, "MB", goal=1, most=True
            ),
        ]
    report("scale", args.seed, figures, args.keep, "Ray" if args.ray else "local processes")


if __name__ == "__main__":
    main()
