"""Names and shapes of the published checkpoints, and small files of the same form.

The lists in tests/portrait3d/full/published_keys were made by instantiating the published modules:
renderer (Real3D-Portrait and MimicTalk, tri-grid), lora (what MimicTalk adds), and the audio-to-motion models.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

LISTS = Path(__file__).resolve().parents[1] / "portrait3d/full/published_keys"


def shapes(name: str) -> dict[str, tuple[int, ...]]:
    """Published name to shape, of "renderer", "lora", "audio_to_motion" or "audio_to_motion_vae"."""
    listed = json.loads((LISTS / f"{name}.json").read_text())
    return {key: tuple(int(side) for side in text.split("x") if side) for key, text in listed.items()}


def meta(listed: Mapping[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """Tensors of these shapes without any memory."""
    return {name: torch.empty(shape, device="meta") for name, shape in listed.items()}


def tiny(listed: Mapping[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """Tensors of these names with one value each."""
    return {name: torch.zeros(1) for name in listed}


def trainer_file(path: Path, model: Mapping[str, Tensor], **more: Any) -> Path:
    """Save as the published trainer does: an old pickle with the state of every model of the task."""
    content = {
        "epoch": 3,
        "global_step": 1234,
        "optimizer_states": [{"state": {0: {"exp_avg": torch.zeros(2)}}, "param_groups": [{"lr": 1e-4}]}],
        "state_dict": {"model": dict(model), "disc": {"b4.fc.weight": torch.zeros(2)}},
        **more,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(content, path, _use_new_zipfile_serialization=False)
    return path
