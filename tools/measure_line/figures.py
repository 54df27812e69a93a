"""Figures with their bars, and the report made of them."""

import json
import math
import platform
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal


@dataclass(frozen=True)
class Figure:
    """One measured number.

    Attributes:
        name: Such as "ref_m_german_20s/full_psnr".
        value: The measured number; None when it could not be measured, then `reason` says why.
        unit: Such as "dB".
        baseline: The number to compare with, measured in the same run.
        bar: What the value must reach now; None for a figure that is only watched.
        sense: ">=" when more is better, "<=" when less is.
        reason: Why there is no value.
    """

    name: str
    value: float | None
    unit: str
    baseline: float | None = None
    bar: float | None = None
    sense: Literal[">=", "<="] = ">="
    reason: str | None = None

    def __post_init__(self) -> None:
        if self.value is not None and not math.isfinite(self.value):
            object.__setattr__(self, "value", None)
            object.__setattr__(self, "reason", self.reason or "the measure is not defined here")
        if self.value is None and not self.reason:
            raise ValueError(f"{self.name} has neither a value nor a reason")
        if self.sense not in (">=", "<="):
            raise ValueError(f"sense must be >= or <=, got {self.sense!r}")

    @property
    def holds(self) -> bool | None:
        """Whether the value reaches its bar; None without a bar. A missing value does not reach a bar."""
        if self.bar is None:
            return None
        if self.value is None:
            return False
        return self.value >= self.bar if self.sense == ">=" else self.value <= self.bar

    def as_json(self) -> dict[str, Any]:
        """Return the figure as written into the report, numbers rounded to four digits after the point."""
        entry: dict[str, Any] = {
            "name": self.name,
            "value": rounded(self.value),
            "unit": self.unit,
            "baseline": rounded(self.baseline),
            "bar": rounded(self.bar),
            "sense": self.sense,
            "holds": self.holds,
        }
        return entry if self.reason is None else {**entry, "reason": self.reason}


def rounded(value: float | None) -> float | None:
    """Round to four digits after the point; NaN and infinity become None, which JSON can say."""
    return None if value is None or not math.isfinite(value) else round(float(value), 4)


def report(figures: list[Figure], root: Path, seed: int) -> dict[str, Any]:
    """Return the whole report as one JSON-ready object."""
    judged = [figure for figure in figures if figure.holds is not None]
    return {
        "area": "line",
        "machine": machine(),
        "commit": commit(root),
        "seed": seed,
        "held": sum(bool(figure.holds) for figure in judged),
        "judged": len(judged),
        "figures": [figure.as_json() for figure in figures],
    }


def machine() -> str:
    """Return the processor, the number of its threads and the Python version, in words."""
    names = [line.split(":", 1)[1].strip() for line in cpu_lines() if line.startswith("model name")]
    name = names[0] if names else platform.processor() or platform.machine()
    return f"{name}, {len(names) or '?'} threads, Python {platform.python_version()}"


def cpu_lines() -> list[str]:
    """Return the kernel's description of the processors, or nothing where there is none."""
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.exists() else []


def commit(root: Path) -> str:
    """Return the commit of the checkout, with "+changes" when files differ from it."""
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=root, capture_output=True, text=True, check=False)
    if head.returncode:
        return "unknown"
    status = ["git", "status", "--porcelain", "--untracked-files=no"]
    changes = subprocess.run(status, cwd=root, capture_output=True, text=True, check=False)
    return head.stdout.strip() + ("+changes" if changes.stdout.strip() else "")


def write(entry: dict[str, Any], path: Path) -> str:
    """Write the report, indented, and return it as one line."""
    path.write_text(json.dumps(entry, indent=1) + "\n")
    return json.dumps(entry)
