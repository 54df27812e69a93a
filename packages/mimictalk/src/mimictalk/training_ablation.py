"""The paper's ablations: each variant trained through the three stages and measured on held-out people."""

import copy
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mimictalk.atomic import write_bytes
from mimictalk.errors import InputError

if TYPE_CHECKING:
    from mimictalk.console import Console

STAGES = ("i2p", "motion", "torso")
COLUMNS = ("psnr_box", "psnr_moved", "psnr_still", "jitter", "jitter_absolute", "torso_psnr", "parameters")


@dataclass(frozen=True)
class Variant:
    """One row of the table.

    Attributes:
        name: As in the paper's table.
        skip_i2p: Motion begins with a random image-to-plane.
        changes: Stage to table to values that differ from the settings; "all" for every stage.
    """

    name: str
    skip_i2p: bool = False
    changes: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)


VARIANTS = {
    "full": Variant("full method"),
    "no-pretraining": Variant("without pre-training", skip_i2p=True),
    "no-finetuning": Variant(
        "without fine-tuning", changes={"motion": {"optimisation": {"freeze_image_to_plane_from": 0}}}
    ),
    "narrow": Variant(
        "half the encoder", changes={"all": {"model": {"encoder_width": 8, "encoder_tokens": 32}}}
    ),
    "no-laplacian": Variant("without Laplacian loss", changes={"motion": {"losses": {"laplacian": 0.0}}}),
    "learned-keypoints": Variant(
        "unsupervised key-points", changes={"torso": {"model": {"torso_keypoint_source": "learned"}}}
    ),
    "concat": Variant("concat instead of alpha fusion", changes={"torso": {"model": {"fusion": "concat"}}}),
    "no-inpainting": Variant(
        "without torso inpainting", changes={"torso": {"sampling": {"inpaint_torso": False}}}
    ),
}


def changed(settings: dict[str, Any], variant: Variant) -> dict[str, Any]:
    """Settings of one stage as a variant has them."""
    result = copy.deepcopy(settings)
    for where in ("all", settings["stage"]):
        for table, values in variant.changes.get(where, {}).items():
            result.setdefault(table, {}).update(values)
    return result


def first_stage(variant: Variant, stage: str) -> str:
    """Stages that come out the same share a folder: the name of the run that a stage belongs to."""
    before = STAGES[: STAGES.index(stage) + 1]
    touched = variant.skip_i2p and stage != "i2p"
    touched = touched or any(where in variant.changes for where in (*before, "all"))
    return next(key for key, value in VARIANTS.items() if value is variant) if touched else "full"


def run_ablation(
    configs: dict[str, str],
    shards: list[Path],
    held: list[Path],
    out: Path,
    names: list[str],
    console: "Console",
) -> dict[str, Any]:
    """Train and measure variants; writes OUT/ablation.json and OUT/ablation.md.

    Args:
        configs: Stage to settings file or recipe.
        shards: Folders to train from.
        held: Folders of people to measure on.
        out: One folder per variant and stage is made in it; what is done is not done again.
        names: Keys of `VARIANTS`.

    Raises:
        InputError: For an unknown name.
    """
    from mimictalk.training_job import TrainJob, run_training
    from portrait3d.training.settings import TrainingSettings

    unknown = [name for name in names if name not in VARIANTS]
    if unknown:
        raise InputError("--only", f"{', '.join(unknown)} is no ablation", f"Use {', '.join(VARIANTS)}.")
    rows: dict[str, dict[str, float]] = {}
    for name in names:
        variant, start = VARIANTS[name], None
        for stage in STAGES:
            if stage == "i2p" and variant.skip_i2p:
                continue
            settings = changed(TrainingSettings.read(configs[stage]).to_dict(), variant)
            if variant.skip_i2p and stage == "motion":
                model = TrainingSettings.read(configs["i2p"]).model
                settings["model"] = {**model, **settings["model"]}
            elif stage != "i2p" and start is not None:  # sizes come with the weights
                settings["model"] = variant.changes.get(stage, {}).get("model", {})
            folder = out / f"{first_stage(variant, stage)}-{stage}"
            folder.mkdir(parents=True, exist_ok=True)
            config = folder / "settings.json"
            write_bytes(config, json.dumps(settings, indent=1).encode())
            console.note(f"{variant.name}: {stage}")
            run_training(TrainJob(stage, str(config), shards, folder, start), console)
            start = str(folder)
        rows[name] = measure(Path(str(start)), held)
    table = {VARIANTS[name].name: row for name, row in rows.items()}
    write_bytes(out / "ablation.json", json.dumps(table, indent=1).encode())
    write_bytes(out / "ablation.md", as_markdown(table).encode())
    return {"out": str(out / "ablation.json"), "table": table}


def measure(weights: Path, held: list[Path]) -> dict[str, float]:
    """View synthesis, motion and torso of trained weights on people they have not seen."""
    from mimictalk.training_people import ShardPeople
    from portrait3d.model import Portrait3D, parameter_count
    from portrait3d.training.evaluation import motion_transfer, torso_reconstruction, view_synthesis
    from portrait3d.training.settings import TrainingSettings

    model = Portrait3D.from_pretrained(weights)
    people = ShardPeople(held, model.config.pncc_size)
    settings = TrainingSettings.read(weights / "settings.json")
    return {
        **view_synthesis(model, people, settings),
        **motion_transfer(model, people, settings),
        **torso_reconstruction(model, people, settings),
        "parameters": parameter_count(model),
    }


def as_markdown(table: dict[str, dict[str, float]]) -> str:
    """The table for people."""
    lines = ["| variant | " + " | ".join(COLUMNS) + " |", "|---" * (len(COLUMNS) + 1) + "|"]
    for name, row in table.items():
        lines.append(f"| {name} | " + " | ".join(f"{row[column]:.4g}" for column in COLUMNS) + " |")
    return "\n".join(lines) + "\n"
