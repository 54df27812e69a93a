"""Scale bench: clips preprocessed under fire, by local processes and by a Ray cluster of two nodes."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path

from bench.figures import Figure, figure
from bench.scale_fire import Killer, TwoNodes, Witnessed, repeats
from bench.scale_pieces import differ, files, growth_mb
from mimictalk.console import Console
from mimictalk.preprocessing import INDEX, PreprocessSettings, preprocess
from mimictalk.units.ledger import Ledger
from mimictalk.units.local_pool import LocalPool
from mimictalk.units.unit import Runner
from scaling.cluster import Cluster, Workload, simulate

COMMANDS = 4  # a unit whose process died three times is given up; the same command takes it up again


def made(pieces: Path, out: Path, runner: Runner) -> tuple[float, int]:
    """Preprocess all pieces, by the same command again while units were given up; seconds and commands."""
    begin = time.monotonic()
    commands, failed = 0, 1
    while failed and commands < COMMANDS:
        ledger, settings = out.with_suffix(".jsonl"), PreprocessSettings(60)
        facts = preprocess(str(pieces), str(out), ledger, settings, runner, Console(quiet=True))
        commands, failed = commands + 1, facts["failed"]
    return time.monotonic() - begin, commands


def serial(pieces: Path, folder: Path) -> tuple[dict[str, str], float, list[Figure]]:
    """All pieces by one worker: what it left, the seconds of its units, and its memory."""
    out = folder / "serial"
    witness = Witnessed(LocalPool(1), folder / "serial_begun")
    made(pieces, out, witness)
    seconds = sum(outcome.seconds for outcome in Ledger(out.with_suffix(".jsonl")).outcomes.values())
    if not witness.peaks:  # it was there already
        return shards(out), seconds, []
    grown = figure("serial/growth_after_20_units", growth_mb(witness.peaks), "MB of the worker")
    return shards(out), seconds, [figure("serial/seconds", seconds, "s"), grown]


def shards(out: Path) -> dict[str, str]:
    """sha256 of the shards and the index that a run left."""
    return files(out, "*.safetensors") | files(out, INDEX)


def quiet(pieces: Path, folder: Path, wanted: dict[str, str], workers: int, seed: int) -> list[Figure]:
    """Local processes that nobody disturbs, and how near the simulated run comes to them."""
    out = folder / "quiet"
    seconds, _ = made(pieces, out, LocalPool(workers))
    times = [outcome.seconds for outcome in Ledger(out.with_suffix(".jsonl")).outcomes.values()]
    planned = simulate(Cluster(1, workers, start_s=0.0), Workload(len(times), tuple(times)), seed)
    return [
        figure("quiet/files_differ", differ(wanted, shards(out)), "of serial", goal=0, most=True),
        figure("quiet/planned_over_real_time", planned.hours * 3600 / seconds, ""),
    ]


def under_fire(
    pieces: Path, folder: Path, wanted: dict[str, str], calm_s: float, kills: int, seed: int, ray: bool
) -> list[Figure]:
    """The same with workers, and on Ray a node, killed at random moments.

    Args:
        pieces: The clips.
        folder: For results.
        wanted: What the serial run made.
        calm_s: About how long it would take undisturbed.
        kills: Moments, spread over a little more than that.
        seed: Of the moments.
        ray: A cluster of two nodes in place of two local processes.
    """
    name = "two_nodes" if ray else "local"
    out = folder / name
    with ExitStack() as stack:
        nodes = TwoNodes() if ray else None
        inner: Runner = stack.enter_context(nodes.open()) if nodes else LocalPool(2)
        witness = Witnessed(inner, folder / f"{name}_begun")
        with Killer(witness, kills, 1.2 * calm_s, seed, nodes) as killer:
            seconds, commands = made(pieces, out, witness)
    again, unprovoked = repeats(witness.begun(), killer.victims)
    return [
        figure(f"{name}/files_differ", differ(wanted, shards(out)), "of serial", goal=0, most=True),
        figure(f"{name}/moments_of_killing", killer.moments, "", goal=kills),
        figure(f"{name}/nodes_killed", killer.nodes_killed, "", goal=int(ray)),
        figure(f"{name}/begun_again", again, "units"),
        figure(f"{name}/begun_again_though_not_killed", unprovoked, "units", goal=0, most=True),
        figure(f"{name}/commands_needed", commands, ""),
        figure(f"{name}/stray_files", len(files(out, "*")) - len(wanted) - 1, "", goal=0, most=True),
        figure(f"{name}/seconds", seconds, "s"),
    ]
