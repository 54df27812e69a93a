"""Scale bench: two workers against the sum of unit times over two, and what a unit costs beyond its work."""

from __future__ import annotations

import os
import time
from pathlib import Path

from bench.figures import Figure, figure
from bench.scale_fire import TwoNodes
from bench.scale_preprocess import made
from mimictalk.units.ledger import Ledger
from mimictalk.units.local_pool import LocalPool
from mimictalk.units.unit import Runner, Unit

WORKERS = 2


def measure(pieces: Path, folder: Path, idle_units: int) -> list[Figure]:
    """Local processes, and a Ray cluster of two nodes, each with the same pieces and with units of no work."""
    figures = _of("local", pieces, folder, LocalPool(WORKERS), idle_units)
    with TwoNodes().open() as cluster:
        figures += _of("two_nodes", pieces, folder, cluster, idle_units)
    alone, _ = made(pieces, folder / "alone", LocalPool(1))
    at_once = next(f for f in figures if f["name"] == "local/seconds")
    ratio = alone / float(str(at_once["value"]))
    return [*figures, figure("local/faster_than_one_worker", ratio, f"x, {os.cpu_count()} cores")]


def _of(name: str, pieces: Path, folder: Path, runner: Runner, idle_units: int) -> list[Figure]:
    """Wall time from the first unit given out to the last done; processes are started in it."""
    out = folder / name
    wall, _ = made(pieces, out, runner)
    seconds = [outcome.seconds for outcome in Ledger(out.with_suffix(".jsonl")).outcomes.values()]
    begin = time.monotonic()
    units = [Unit(f"{number}", "mimictalk.units.unit:idle", {}) for number in range(idle_units)]
    idle = [outcome for outcome in Ledger(folder / f"{name}_idle.jsonl").run(units, runner) if outcome.done]
    each = (time.monotonic() - begin) * WORKERS / len(idle)
    return [
        figure(f"{name}/shortest_unit", min(seconds), "s", goal=5),
        figure(f"{name}/throughput_of_ideal", sum(seconds) / WORKERS / wall, "", goal=0.9),
        figure(f"{name}/seconds", wall, "s"),
        figure(
            f"{name}/lost_to_overhead_per_unit", 1e3 * (WORKERS * wall - sum(seconds)) / len(seconds), "ms"
        ),
        figure(f"{name}/overhead_of_an_idle_unit", 1e3 * each, "ms of a worker"),
    ]
