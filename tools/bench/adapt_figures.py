"""Figures of the adaptation bench from what its parts found."""

from __future__ import annotations

import math
from typing import Any

from bench.figures import Figure, figure

Part = dict[str, Any]
ADAPT_MINUTES, ADAPT_GB, EARLY_MINUTES = 10.0, 3.0, 4.0
FULL_GAIN, MOUTH_GAIN, SSIM_GAIN = 3.0, 1.0, 0.03
EARLY = 0.9  # of the final PSNR
EARNS = 0.8  # of the clips
ABLATED = {"no-planes": "planes", "no-lora": "lora", "random": "pre_training"}


def figures_of(found: dict[str, dict[str, Part]], parts: list[str]) -> list[Figure]:
    """All figures of some clips.

    Args:
        found: Clip to part to {"found": ...} or {"reason": ...}.
        parts: Which were wanted.
    """
    figures = []
    for clip, of_clip in found.items():
        rows = _Rows(clip, of_clip)
        if "whole" in parts:
            figures += rows.likeness() + rows.costs()
        if "static" in parts:
            figures.append(
                rows.one("static", "flicker", lambda p: p["flicker"], "ratio", goal=1.2, most=True)
            )
        if "first-5s" in parts:
            figures += rows.short()
        if "ablations" in parts:
            figures += rows.ablations()
    if "ablations" in parts:
        figures += [earns(found, variant, name) for variant, name in ABLATED.items()]
    return figures


class _Rows:
    """Figures of one clip."""

    def __init__(self, clip: str, parts: dict[str, Part]) -> None:
        self.clip, self.parts = clip, parts

    def one(self, part: str, name: str, value: Any, unit: str, **goal: Any) -> Figure:
        """A figure of a part, or why there is none; `value` and a callable `baseline` take what it found."""
        told = f"{self.clip}/{name}"
        missing = reason(self.parts, part)
        baseline = goal.pop("baseline", None)
        if not missing:
            content = self.parts[part]["found"]
            number = value(content)
            if callable(baseline):
                baseline = baseline(content)
            if isinstance(number, str):
                missing = number
            elif number is None or not math.isfinite(number):
                missing = "the measure is not defined here"
            else:
                return figure(told, round(float(number), 4), unit, baseline=_rounded(baseline), **goal)
        return figure(told, None, unit, reason=missing, **goal)

    def likeness(self) -> list[Figure]:
        """Likeness of the frames kept back beside the better still."""
        if missing := reason(self.parts, "stills"):
            return [figure(f"{self.clip}/full_psnr_gain", None, "dB", reason=missing, goal=FULL_GAIN)]
        stills = self.parts["stills"]["found"]
        rows = [
            self._gain(name, stills, "whole", lambda p: p["scores"], *goal) for name, goal in GAINS.items()
        ]
        for name, unit, goal, most in (
            ("sharpness", "ratio", 0.8, False),
            ("gmsd", "", 0.08, True),
            ("lmd", "px", 3.0, True),
            ("mouth_correlation", "r", 0.9, False),
            ("landmark_distance", "px", None, True),
            ("faces_found", "share", None, False),
        ):
            still = stills["nearest"][name]
            value = lambda p, name=name: p["scores"][name]  # noqa: E731
            rows.append(self.one("whole", name, value, unit, goal=goal, most=most, baseline=still))
        return rows

    def costs(self) -> list[Figure]:
        """Time and memory; a run that was interrupted has none to tell."""

        def timed(value: Any) -> Any:
            told = "learning was interrupted, its time is not whole"
            return lambda part: told if part["run"]["resumed_at"] else value(part)

        minutes = timed(lambda p: p["adapt"]["seconds"] / 60)
        return [
            self.one("whole", "adapt_minutes", minutes, "min", goal=ADAPT_MINUTES, most=True),
            self.one(
                "whole", "adapt_peak_gb", lambda p: p["adapt"]["peak_gb"], "GB", goal=ADAPT_GB, most=True
            ),
            self.one("whole", "minutes_to_90_percent", timed(early), "min", goal=EARLY_MINUTES, most=True),
        ]

    def short(self) -> list[Figure]:
        """Five seconds: above both stills, and beside the published recipe."""
        missing = reason(self.parts, "first-5s")
        part = {} if missing else self.parts["first-5s"]["found"]
        rows = []
        for name in ("full_psnr", "mouth_psnr"):
            rows.append(self._gain(name, part, "first-5s", lambda p: p["own"], 0.0, "5s_"))
        for name, unit in (("full_psnr", "dB"), ("mouth_psnr", "dB"), ("sharpness", "ratio"), ("lmd", "px")):
            value = lambda p, name=name: p["own"][name]  # noqa: E731
            published = lambda p, name=name: p["published"][name]  # noqa: E731
            rows.append(self.one("first-5s", f"5s_{name}", value, unit, baseline=published))
        return rows

    def ablations(self) -> list[Figure]:
        """What each part is worth on the clip, and how well head outlines fit."""
        rows = [
            self.one("ablations", "head_iou", lambda p: p["whole"]["figures"]["head_iou"], "share", goal=0.95)
        ]
        for variant in [*ABLATED, "published"]:
            for name, unit in (("psnr", "dB"), ("psnr_mouth", "dB"), ("lmd", "px"), ("sharpness", "ratio")):
                value = lambda p, v=variant, n=name: p[v]["figures"].get(n)  # noqa: E731
                whole = lambda p, n=name: p["whole"]["figures"].get(n)  # noqa: E731
                rows.append(self.one("ablations", f"{variant}_{name}", value, unit, baseline=whole))
        return rows

    def _gain(self, name: str, stills: Part, part: str, scores: Any, goal: float, prefix: str = "") -> Figure:
        unit = "" if name == "ssim" else "dB"
        still = max((stills[one][name] for one in ("mean", "nearest")), default=None) if stills else None
        value = lambda p: scores(p)[name] - still  # noqa: E731
        return self.one(part, f"{prefix}{name}_gain", value, unit, goal=goal, baseline=still)


GAINS: dict[str, tuple[float]] = {
    "full_psnr": (FULL_GAIN,),
    "mouth_psnr": (MOUTH_GAIN,),
    "ssim": (SSIM_GAIN,),
}


def early(part: Part) -> float | str:
    """Minutes from the start of the command to 90 % of the final held-out PSNR."""
    looks = [(seconds, numbers["psnr"]) for _, seconds, numbers in part["run"]["over_time"] or []]
    if not looks or "adapt" not in part["stages"]:
        return "no frames were held out while it learned"
    stages = list(part["stages"])
    before = sum(part["stages"][name] for name in stages[: stages.index("adapt")])
    final = next(
        psnr["psnr"] for step, _, psnr in part["run"]["over_time"] if step == part["run"]["best_step"]
    )
    return (before + next(seconds for seconds, psnr in looks if psnr >= EARLY * final)) / 60


def earns(found: dict[str, dict[str, Part]], variant: str, name: str) -> Figure:
    """Share of the clips on which taking a part away lowers held-out PSNR or raises LMD."""
    rows = [parts["ablations"]["found"] for parts in found.values() if not reason(parts, "ablations")]
    if len(rows) < len(found) or not rows:
        told = f"{len(found) - len(rows)} clips have no ablations"
        return figure(f"all/{name}_earn", None, "share of clips", reason=told, goal=EARNS)
    worse = [
        row[variant]["figures"]["psnr"] < row["whole"]["figures"]["psnr"]
        or row[variant]["figures"].get("lmd", math.inf) > row["whole"]["figures"].get("lmd", math.inf)
        for row in rows
    ]
    return figure(f"all/{name}_earn", sum(worse) / len(worse), "share of clips", goal=EARNS)


def reason(parts: dict[str, Part], part: str) -> str:
    """Why a part found nothing; empty where it found something."""
    told = parts.get(part)
    if told is None:
        return f"the part {part} was left out"
    return str(told["reason"]) if "reason" in told else ""


def _rounded(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else round(float(value), 4)
