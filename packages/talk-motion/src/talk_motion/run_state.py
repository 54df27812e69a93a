"""A training run on disk: networks, the moments of Adam, and what else it needs to go on, in one file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from .errors import InputError
from .motion import write_atomically
from .seal import BLANK, intact, sealed


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
        about: the rest, as JSON knows it; "key" says which run this is.
    """
    from safetensors.torch import save

    tensors = {f"{name}.{k}": v for name, module in networks.items() for k, v in module.state_dict().items()}
    for number, state in optimiser.state_dict()["state"].items():
        tensors |= {f"adam.{number}.{k}": torch.as_tensor(v) for k, v in state.items()}
    whole = {k: v.contiguous().clone() for k, v in tensors.items()}
    content = save(whole, {"seal": BLANK, "about": json.dumps(dict(about))})
    write_atomically(work / "state.safetensors", sealed(content))


def restore(
    work: Path, networks: Mapping[str, nn.Module], optimiser: torch.optim.Optimizer, key: str
) -> dict[str, Any] | None:
    """Loads what `store` wrote into networks and optimiser; gives `about`, or None where nothing is.

    Args:
        key: what `about["key"]` must be.

    Raises:
        InputError: the state is damaged or of another run.
    """
    from safetensors import SafetensorError, safe_open

    path, cure = work / "state.safetensors", "Give another --out, or remove the file to start again."
    if not path.is_file():
        return None
    try:
        with safe_open(path, "pt") as file:
            about: dict[str, Any] = json.loads((file.metadata() or {}).get("about", "{}"))
            if about.get("key") != key:
                raise InputError(path, "belongs to a run with other settings or data", cure)
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise InputError(path, f"is damaged ({error})", cure) from None
    if intact(path.read_bytes()) is False:
        raise InputError(path, "is damaged: its seal does not match", cure)
    for name, module in networks.items():
        module.load_state_dict(
            {k.split(".", 1)[1]: v for k, v in tensors.items() if k.startswith(name + ".")}
        )
    state: dict[int, dict[str, Tensor]] = {}
    for place, value in tensors.items():
        if place.startswith("adam."):
            _, number, part = place.split(".")
            state.setdefault(int(number), {})[part] = value
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
    return about
