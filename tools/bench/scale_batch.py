"""Scale bench: a batch of render jobs on a Ray cluster of two nodes, under fire, against an undisturbed run."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from bench.figures import Figure, figure
from bench.scale_fire import Killer, TwoNodes, Witnessed, repeats
from bench.scale_pieces import differ, frames, growth_mb
from mimictalk.batch_job import run_batch
from mimictalk.batch_list import read_jobs
from mimictalk.console import Console
from mimictalk.units.local_pool import LocalPool
from mimictalk.units.unit import Runner
from tiny_avatar import write_speech, write_tiny_avatar

COMMANDS = 4


def write_list(folder: Path, count: int, seconds: float) -> Path:
    """`count` render jobs of one avatar that differ by their seed and by how wide the mouth opens."""
    (folder / "adapter").mkdir(parents=True)
    write_tiny_avatar(folder / "me", folder / "adapter")
    write_speech(folder / "speech.wav", seconds)
    rows = [
        {
            "command": "render",
            "avatar": "../me",
            "audio": "../speech.wav",
            "out": f"{number:03d}.mp4",
            "seed": number,
            "mouth": round(0.7 + 0.01 * number, 2),
        }
        for number in range(count)
    ]
    path = folder / "jobs.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def made(jobs: Path, out: Path, runner: Runner) -> tuple[dict[str, str], float, int]:
    """Do a copy of the list in `out`; what the videos show by name, wall seconds, commands needed."""
    out.mkdir()
    listed = out / jobs.name
    listed.write_bytes(jobs.read_bytes())
    begin = time.monotonic()
    commands, failed = 0, 1
    while failed and commands < COMMANDS:
        facts = run_batch(read_jobs(listed), out.with_name(f"{out.name}-report"), runner, Console(quiet=True))
        commands, failed = commands + 1, facts["failed"]
    seconds = time.monotonic() - begin
    return {video.name: frames(video) for video in sorted(out.glob("*.mp4"))}, seconds, commands


def measure(folder: Path, count: int, seconds: float, kills: int, seed: int) -> list[Figure]:
    """Figures of `count` jobs of `seconds` of speech each."""
    jobs = write_list(folder, count, seconds)
    calm = Witnessed(LocalPool(2), folder / "calm_begun")
    wanted, calm_s, _ = made(jobs, folder / "calm", calm)
    print(f"batch: undisturbed {calm_s:.0f} s", file=sys.stderr)
    nodes = TwoNodes()
    with nodes.open() as runner:
        witness = Witnessed(runner, folder / "fired_begun")
        with Killer(witness, kills, 1.2 * calm_s, seed, nodes) as killer:
            got, fired_s, commands = made(jobs, folder / "fired", witness)
    again, unprovoked = repeats(witness.begun(), killer.victims)
    left = [path for path in (folder / "fired").iterdir() if path.suffix != ".mp4"]
    return [
        figure("videos", len(got), "", goal=count),
        figure("different_videos", len(set(got.values())), "", goal=count),
        figure("videos_differ", differ(wanted, got), "of undisturbed", goal=0, most=True),
        figure("moments_of_killing", killer.moments, "", goal=kills),
        figure("nodes_killed", killer.nodes_killed, "", goal=1),
        figure("begun_again", again, "jobs"),
        figure("begun_again_though_not_killed", unprovoked, "jobs", goal=0, most=True),
        figure("commands_needed", commands, ""),
        figure("stray_files", len(left) - 1, "", goal=0, most=True),
        figure("undisturbed_growth_after_20_jobs", growth_mb(calm.peaks), "MB of a worker"),
        figure("undisturbed_seconds", calm_s, "s"),
        figure("seconds", fired_s, "s"),
    ]
