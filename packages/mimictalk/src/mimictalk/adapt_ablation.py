"""What each part of adapting is worth: variants learned from the start of a clip, judged on its end."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mimictalk.adapt_charts import chart_file, line_chart
from mimictalk.adapt_recipe import Recipe
from mimictalk.atomic import write_bytes
from mimictalk.errors import InputError

if TYPE_CHECKING:
    from face3dmm import FaceTrack
    from mimictalk.console import Console
    from portrait3d.clip import PortraitClip

HELD_BACK = 0.2  # of the clip, its end: no variant learns from it
JUDGED = 32  # frames of the end
RANKS, SECONDS = (1, 2, 4, 8, 16), (1, 2, 5, 10)
COLUMNS = ("psnr", "psnr_mouth", "ssim", "sharpness", "gmsd", "lmd", "mouth_correlation", "head_iou")


@dataclass(frozen=True)
class Variant:
    """One row of the table.

    Attributes:
        title: For people.
        recipe: What learns and how.
        seconds: Learn from the beginning only; None for all but the end that is held back.
    """

    title: str
    recipe: Recipe = field(default_factory=Recipe)
    seconds: float | None = None


VARIANTS: dict[str, Variant] = {
    "whole": Variant("whole method"),
    "no-planes": Variant("without learned planes", Recipe(planes=False)),
    "no-lora": Variant("without LoRA", Recipe(lora=False)),
    "no-guide": Variant("without posed guide", Recipe(guide=False)),
    "random": Variant("from random weights", Recipe(start="random")),
    "published": Variant("published losses and settings", Recipe(name="published")),
    **{f"rank-{r}": Variant(f"LoRA rank {r}", Recipe(rank=r)) for r in RANKS},
    **{f"first-{s}s": Variant(f"first {s} s of the clip", seconds=s) for s in SECONDS},
}


@dataclass(frozen=True)
class AblationSettings:
    """What `ablate` is asked to do.

    Attributes:
        video: The clip.
        out: Folder for results, and for the state of each variant.
        names: Keys of `VARIANTS`.
        steps: Of every variant; None for each recipe's own.
        seed: Of everything random.
        max_seconds: Use the beginning of the clip only.
    """

    video: Path
    out: Path
    names: tuple[str, ...] = tuple(VARIANTS)
    steps: int | None = None
    seed: int = 0
    max_seconds: float | None = None

    def __post_init__(self) -> None:
        unknown = [name for name in self.names if name not in VARIANTS]
        if unknown or not self.names:
            told = ", ".join(unknown) or "nothing"
            raise InputError("--only", f"{told} is no ablation", f"Use {', '.join(VARIANTS)}.")
        if self.steps is not None and self.steps < 1:
            raise InputError(
                "--steps", f"{self.steps} is not above zero", "Leave it out for the usual number."
            )


def run_ablation(settings: AblationSettings, console: "Console") -> dict[str, Any]:
    """Learn and judge every variant; a variant that is done is not done again, one that was stopped goes on.

    Writes ablation.json, ablation.md and ablation.svg (quality over time) into the folder after each variant.
    """
    import torch

    from mimictalk.checking import check_reference
    from mimictalk.portrait_material import portrait_clip

    console.how_to_go_on = "The same command goes on where it stopped."
    torch.set_flush_denormal(True)
    settings.out.mkdir(parents=True, exist_ok=True)
    with console.progress() as progress:
        track = check_reference(settings.video, progress, settings.max_seconds).track
        clip = portrait_clip(settings.video, track, settings.max_seconds, progress, posed=True)
        learned, ending = split(clip)
        rows: dict[str, dict[str, Any]] = {}
        for name in settings.names:
            variant = VARIANTS[name]
            frames = learned if variant.seconds is None else learned[: round(variant.seconds * clip.fps)]
            if len(frames) < (variant.seconds or 0) * clip.fps:
                console.warn(f"{variant.title}: the clip is too short, this row is left out")
                continue
            rows[name] = _row(settings, name, clip, track, frames, ending, progress)
            write_results(settings.out, settings.video.name, rows)
    return {"out": str(settings.out / "ablation.md"), "rows": rows}


def split(clip: "PortraitClip") -> tuple[list[int], list[int]]:
    """Frames to learn from, and the usable ones of the end that are judged.

    Raises:
        InputError: If the clip is too short to keep a second back.
    """
    from mimictalk.evaluating.sheets import evenly_spread

    border = round((1 - HELD_BACK) * len(clip))
    ending = [i for i in clip.usable().tolist() if i >= border]
    if len(ending) < 25:
        raise InputError("clip", f"only {len(ending)} frames of its end can be judged", "Give 6 s or more.")
    return list(range(border)), [ending[place] for place in evenly_spread(len(ending), JUDGED)]


def _row(
    settings: AblationSettings,
    name: str,
    clip: "PortraitClip",
    track: "FaceTrack",
    frames: list[int],
    ending: list[int],
    progress: Callable[[str, int, int, dict[str, Any]], None],
) -> dict[str, Any]:
    """Figures of one variant, read where they are there already."""
    from mimictalk.adapt_sample import draw_sample
    from mimictalk.adapting import learn
    from mimictalk.base_weights import installed
    from mimictalk_adapt.lora import merge
    from mimictalk_adapt.state import FILE as STATE
    from portrait3d.held_out import judge_frames

    variant, folder = VARIANTS[name], settings.out / name
    config = variant.recipe.config(settings.steps, settings.seed)
    about = [track.source_hash, len(clip), len(frames), str(config), str(variant.recipe)]
    key = json.dumps([*about, dict(sorted(installed().items()))])
    stored = folder / "figures.json"
    if stored.is_file() and (told := json.loads(stored.read_text()))["key"] == key:
        return dict(told["row"])

    def named(_: str, done: int, total: int, terms: dict[str, Any]) -> None:
        progress(variant.title, done, total, terms)

    person = learn(clip.take(frames), track, variant.recipe, config, None, folder, key, named)
    merge(person.backbone.network)
    identity = person.backbone.identity()
    outline = judge_frames(person.backbone.network, clip, person.backbone.layers(), ending)["head_iou"]
    sample = draw_sample(person.backbone.network, identity, clip, track, ending, ending)
    row = {
        "title": variant.title,
        "frames": len(frames),
        "steps": person.result.steps,
        "seconds": person.result.seconds,
        "figures": sample.figures() | {"head_iou": outline},
        "over_time": [[step, seconds, numbers] for step, seconds, numbers in person.result.held_out],
    }
    write_bytes(stored, json.dumps({"key": key, "row": row}, indent=1).encode())
    (folder / STATE).unlink(missing_ok=True)
    return row


def write_results(out: Path, clip: str, rows: dict[str, dict[str, Any]]) -> None:
    """ablation.json, ablation.md and, of variants with held-out stretches, ablation.svg."""
    write_bytes(out / "ablation.json", json.dumps({"clip": clip, "rows": rows}, indent=1).encode())
    write_bytes(out / "ablation.md", as_markdown(clip, list(rows.values())).encode())
    curves = {
        row["title"]: [(seconds, numbers["psnr"]) for _, seconds, numbers in row["over_time"]]
        for name, row in rows.items()
        if row["over_time"] and name in ("whole", "no-planes", "no-lora", "random", "published")
    }
    if curves:
        chart = line_chart("held-out PSNR over time, dB", curves, "seconds")
        write_bytes(out / "ablation.svg", chart_file(chart).encode())


def as_markdown(clip: str, rows: Sequence[dict[str, Any]]) -> str:
    """The table for people."""
    lines = [
        f"Learned from the beginning of {clip}, judged on its last {HELD_BACK:.0%}.\n",
        "| variant | frames | steps | seconds | " + " | ".join(COLUMNS) + " |",
        "|---" * (len(COLUMNS) + 4) + "|",
    ]
    for row in rows:
        figures = row["figures"]
        cells = [f"{figures[name]:.4g}" if name in figures else "-" for name in COLUMNS]
        start = f"| {row['title']} | {row['frames']} | {row['steps']} | {row['seconds']:.0f} | "
        lines.append(start + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"
