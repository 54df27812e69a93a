"""A training run on disk: networks, the moments of Adam, and what else it needs to go on, in one file."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn


def store(
    work: Path,
    networks: Mapping[str, nn.Module],
    optimiser: torch.optim.Optimizer,
    about: Mapping[str, Any],
) -> None:
    """Writes `work`/state.safetensors, atomically.

    Args:
        work: the run's folder.
        networks: by name; no name is "adam" or holds a dot.
        optimiser: Adam; its moments are kept.
        about: the rest, as JSON knows it.
    """
    from safetensors.torch import save_file

    tensors = {f"{name}.{k}": v for name, module in networks.items() for k, v in module.state_dict().items()}
    for number, state in optimiser.state_dict()["state"].items():
        tensors |= {f"adam.{number}.{k}": torch.as_tensor(v) for k, v in state.items()}
    whole = {k: v.contiguous().clone() for k, v in tensors.items()}
    save_file(whole, work / "state.part", {"about": json.dumps(dict(about))})
    os.replace(work / "state.part", work / "state.safetensors")


def restore(
    work: Path, networks: Mapping[str, nn.Module], optimiser: torch.optim.Optimizer
) -> dict[str, Any] | None:
    """Loads what `store` wrote into networks and optimiser; gives `about`, or None where nothing is."""
    from safetensors import safe_open

    if not (work / "state.safetensors").is_file():
        return None
    with safe_open(work / "state.safetensors", "pt") as file:
        about: dict[str, Any] = json.loads(file.metadata()["about"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    for name, module in networks.items():
        module.load_state_dict(
            {k.split(".", 1)[1]: v for k, v in tensors.items() if k.startswith(name + ".")}
        )
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        if key.startswith("adam."):
            _, number, part = key.split(".")
            state.setdefault(int(number), {})[part] = value
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
    return about
