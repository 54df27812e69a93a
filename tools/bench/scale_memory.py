"""Scale bench: whether a worker's memory stays flat over hundreds of units, idle ones and real ones."""

from __future__ import annotations

from pathlib import Path

from bench.figures import Figure, figure
from bench.scale_fire import Witnessed
from bench.scale_pieces import growth_mb
from mimictalk.units.ledger import Ledger
from mimictalk.units.local_pool import LocalPool
from mimictalk.units.unit import Unit
from tiny_avatar import write_speech

SECONDS = 0.5
GOAL_MB = 8.0  # over 480 units: 17 kB a unit, less than the sound that each reads


def measure(folder: Path, units: int) -> list[Figure]:
    """`units` of each kind on one worker: idle, and speech to motion (reading, features, networks, writing)."""
    folder.mkdir(parents=True, exist_ok=True)
    speech = folder / "speech.wav"
    write_speech(speech, SECONDS)
    idle = [Unit(f"idle_{number}", "mimictalk.units.unit:idle", {}) for number in range(units)]
    real = [
        Unit(
            f"motion_{number}",
            "mimictalk.batch_job:do_job",
            {
                "arguments": [
                    "motion",
                    str(speech),
                    "--out",
                    str(folder / f"{number}.csv"),
                    "--seed",
                    f"{number}",
                ],
                "out": str(folder / f"{number}.csv"),
            },
        )
        for number in range(units)
    ]
    figures = []
    for name, work in (("idle", idle), ("motion", real)):
        witness = Witnessed(LocalPool(1), folder / f"{name}_begun")
        done = [o for o in Ledger(folder / f"{name}.jsonl").run(work, witness) if o.done]
        figures += [
            figure(f"{name}/units_done_by_one_worker", len(done), "", goal=units),
            figure(f"{name}/seconds_of_a_unit", sum(o.seconds for o in done) / max(len(done), 1), "s"),
            figure(f"{name}/memory", witness.peaks[-1][1] / 2**20, "MB at most"),
            figure(f"{name}/growth_after_20", growth_mb(witness.peaks), "MB", goal=GOAL_MB, most=True),
        ]
    return figures
