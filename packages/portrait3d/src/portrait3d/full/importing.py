"""Import of a published renderer: read, account for every name, merge LoRA, write as our weights.

imported = import_checkpoint(Path("checkpoints/mimictalk_orig/os_secc2plane_torso"))
print(imported.words())
imported.save(Path("weights/mimictalk"))
"""

from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from portrait3d.errors import InputError
from portrait3d.full.checkpoint_file import Checkpoint, read_checkpoint
from portrait3d.full.checkpoint_kinds import GIVE_RENDERER, is_renderer, join, looks_like
from portrait3d.full.config import FullConfig
from portrait3d.full.lora_merge import MergedLora, merge_lora
from portrait3d.full.published_keys import Account, account
from portrait3d.full.published_options import infer_config, read_config

SHOWN = 3  # names in a message
PERSON_TENSORS = {"gt_img": "picture", "id": "identity", "src_kp": "keypoints"}


@dataclass(frozen=True)
class Imported:
    """A published renderer, ready to be used or saved.

    Attributes:
        config: Sizes and options.
        state: For `FullPortrait(config).load_state_dict`, LoRA merged.
        person: Of an adapted person: "planes" (1, 3, C, R, R) or (1, 3, C, D, R, R), "picture" (1, 3, S, S)
            in [-1, 1], "identity" (1, 80), "keypoints" (68, 3) in [-1, 1]; empty for a generic model.
        report: What was read from where; JSON.
    """

    config: FullConfig
    state: dict[str, Tensor]
    person: dict[str, Tensor] = field(default_factory=dict)
    report: dict[str, Any] = field(default_factory=dict)

    def save(self, folder: Path, *, half: bool = False) -> dict[str, Any]:
        """Write safetensors and full.json (see `storage.write_weights`, also for errors)."""
        from portrait3d.full.storage import write_weights

        return write_weights(folder, self.config, self.state, self.person, self.report, half=half)

    def words(self) -> str:
        """The report for people."""
        return in_words(self.report)


def import_checkpoint(path: Path, sizes: FullConfig | None = None) -> Imported:
    """Read a published Real3D-Portrait or MimicTalk renderer.

    Args:
        path: A checkpoint, or the folder of one (the highest step is taken); config.yaml beside it is read.
        sizes: Widths that no published checkpoint varies; the published ones by default.

    Raises:
        InputError: If it is no checkpoint, another network's, incomplete, or has entries without a place.
    """
    checkpoint = read_checkpoint(path)
    options, notes = read_config(checkpoint.path.parent)
    _refuse_other_networks(checkpoint)
    try:
        merged = merge_lora(checkpoint.tensors)
        config, contradictions = infer_config(merged.tensors, options, sizes)
    except (ValueError, TypeError) as error:
        raise InputError(str(checkpoint.path), str(error), GIVE_RENDERER) from None
    ours = _shape_of(config)
    found = account(merged.tensors, ours)
    _refuse_incomplete(checkpoint.path, found)
    state = {new: _as_ours(merged.tensors[name], ours[new]) for name, new in found.read.items()}
    _refuse_not_numbers(checkpoint.path, state)
    person = _person(checkpoint, config)
    notes += [*contradictions, *_rank_note(checkpoint, merged)]
    return Imported(config, state, person, _report(checkpoint, config, found, merged, person, notes))


def in_words(report: dict[str, Any]) -> str:
    """The report of an import as lines of text."""
    lora, config = report["lora"], report["config"]
    planes = "tri-plane" if config["plane_depth"] == 1 else f"tri-grid of depth {config['plane_depth']}"
    parts = "head, torso and background" if config["has_torso"] else "head only"
    lines = [
        f"{report['source']}: {report['kind']}, {planes}, {parts}"
        + (f", step {report['step']:,}" if report["step"] is not None else ""),
        f"read: {report['read']:,} entries, {report['parameters']:,} parameters",
        *(f"not needed: {count:,} x {reason}" for reason, count in report["unused"].items()),
        *(f"left out: {name}, {count:,} entries" for name, count in report["left_out"].items()),
    ]
    if lora["rank"]:
        what = f"{len(lora['layers'])} layers of rank {lora['rank']}, {lora['parameters']:,} parameters"
        lines.append(f"LoRA: {what}, merged into the weights")
    if report["person"]:
        lines.append(f"person: {join(report['person'])}")
    return "\n".join([*lines, *(f"note: {note}" for note in report["notes"])])


def _report(
    checkpoint: Checkpoint,
    config: FullConfig,
    found: Account,
    merged: MergedLora,
    person: dict[str, Tensor],
    notes: list[str],
) -> dict[str, Any]:
    adapted = bool(merged.layers) or checkpoint.planes is not None
    statistics = (".running_mean", ".running_var", ".num_batches_tracked", ".weight_u", ".weight_v")
    learned = (name for name in found.read if not name.endswith(statistics))
    video = checkpoint.person.get("video_id")
    return {
        "source": checkpoint.path.name,
        "source_sha256": checkpoint.sha256,
        "source_bytes": checkpoint.path.stat().st_size,
        "kind": "a person adapted by MimicTalk" if adapted else "a generic renderer",
        "step": checkpoint.step,
        "config": config.to_dict(),
        "read": len(found.read),
        "parameters": sum(merged.tensors[name].numel() for name in learned),
        "unused": dict(Counter(found.unused.values())),
        "left_out": checkpoint.set_aside,
        "lora": {
            "rank": merged.rank,
            "parameters": merged.parameters,
            "layers": list(merged.layers),
            "duplicates": len(merged.duplicates),
        },
        "person": sorted(person),
        "person_video": video if isinstance(video, str) else None,
        "notes": notes,
    }


@lru_cache(maxsize=2)
def _shape_of(config: FullConfig) -> dict[str, Tensor]:
    """The state of a renderer without values."""
    from portrait3d.full.model import FullPortrait

    with torch.device("meta"):
        return FullPortrait(config).state_dict()


def _as_ours(value: Tensor, ours: Tensor) -> Tensor:
    value = value.reshape(ours.shape).contiguous()
    return value.float() if value.is_floating_point() else value


def _person(checkpoint: Checkpoint, config: FullConfig) -> dict[str, Tensor]:
    """What a checkpoint knows of an adapted person, under our names."""
    person = {
        new: value.detach().float()
        for name, new in PERSON_TENSORS.items()
        if isinstance(value := checkpoint.person.get(name), Tensor)
    }
    if checkpoint.planes is not None:
        side = config.plane_resolution
        expected = (1, 3, config.plane_channels * config.plane_depth, side, side)
        if tuple(checkpoint.planes.shape) != expected:
            shape = tuple(checkpoint.planes.shape)
            cause = f"its learned planes have shape {shape}, the renderer needs {expected}"
            raise InputError(str(checkpoint.path), cause, "The planes belong to another renderer.")
        grid = (config.plane_channels, config.plane_depth) if config.plane_depth > 1 else expected[2:3]
        person["planes"] = checkpoint.planes.float().reshape(1, 3, *grid, side, side)
    _refuse_not_numbers(checkpoint.path, person)
    return person


def _rank_note(checkpoint: Checkpoint, merged: MergedLora) -> list[str]:
    said = checkpoint.lora.get("lora_r")
    if said is None or not merged.rank or int(said) == merged.rank:
        return []
    return [f"lora_args say rank {said}, the tensors {merged.rank}: the tensors are right"]


def _refuse_other_networks(checkpoint: Checkpoint) -> None:
    if not is_renderer(checkpoint.tensors):
        words, cure = looks_like(checkpoint.tensors)
        raise InputError(str(checkpoint.path), f"it is {words}", cure)


def _refuse_incomplete(path: Path, found: Account) -> None:
    """Say exactly what is missing, unknown or of another shape."""
    if found.complete:
        return
    problems = [
        (len(found.missing), "missing", found.missing),
        (len(found.unknown), "unknown", found.unknown),
        (len(found.misfits), "of another shape", found.misfits),
    ]
    words = [
        f"{count} {what} ({', '.join(names[:SHOWN])}{', …' if count > SHOWN else ''})"
        for count, what, names in problems
        if count
    ]
    cure = "It is a part of a checkpoint, or a variant that is not supported; give the file as published."
    raise InputError(str(path), f"not every entry has its place: {'; '.join(words)}", cure)


def _refuse_not_numbers(path: Path, tensors: dict[str, Tensor]) -> None:
    for name, value in tensors.items():
        if value.is_floating_point() and not torch.isfinite(value).all():
            raise InputError(str(path), f"{name} holds values that are not numbers", "The file is damaged.")
