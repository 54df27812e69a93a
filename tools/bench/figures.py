"""One figure of a bench, and the JSON object that holds them all."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from pathlib import Path

import torch

Figure = dict[str, object]


def figure(
    name: str,
    value: float | None,
    unit: str,
    *,
    baseline: float | None = None,
    goal: float | None = None,
    most: bool = False,
    reason: str = "",
) -> Figure:
    """A measured number beside its goal.

    Args:
        name: What was measured.
        value: None where it could not be.
        unit: In words.
        baseline: The same of what it is compared with, in the same run.
        goal: The least that is wanted, or with `most` the most.
        most: See `goal`.
        reason: Why there is no value.
    """
    if (value is None) != bool(reason):
        raise ValueError(f"{name}: either a value or a reason why there is none, got {value} and {reason!r}")
    holds = None if goal is None or value is None else bool(value <= goal if most else value >= goal)
    found: Figure = {
        "name": name,
        "value": value,
        "unit": unit,
        "baseline": baseline,
        "goal": goal,
        "holds": holds,
    }
    return found | ({"reason": reason} if reason else {})


def report(
    area: str, seed: int, figures: list[Figure], keep: Path | None, also: str = "", **more: object
) -> None:
    """Print one line of JSON, and write it to `keep` too; `also` is said of the machine, `more` beside the figures."""
    root = Path(__file__).parent
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=root, capture_output=True, text=True, check=False
    )
    threads, load = torch.get_num_threads(), os.getloadavg()[0]
    machine = (
        f"{cpu_name()}, {os.cpu_count()} cores, {threads} threads, load {load:.1f}, torch {torch.__version__}"
    )
    answer = {
        "area": area,
        "machine": machine + (f", {also}" if also else ""),
        "commit": commit.stdout.strip(),
        "seed": seed,
        "figures": figures,
        **more,
    }
    if keep:
        keep.write_text(json.dumps(answer, indent=1) + "\n")
    print(json.dumps(answer))


def cpu_name() -> str:
    """What the system calls the processor."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    names = (line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())
