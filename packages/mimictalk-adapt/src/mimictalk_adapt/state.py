"""A state that training can be taken up from: parameters, moments and the step."""

import json
import os
from pathlib import Path

import torch
from torch import Tensor, nn

FILE = "training_state.safetensors"


def save_state(
    folder: Path, step: int, parameters: dict[str, nn.Parameter], optimizer: torch.optim.Optimizer, key: str
) -> None:
    """Write the state whole or not at all.

    Args:
        folder: Where; made if missing.
        step: Steps done: the whole state of the sampler.
        parameters: Everything that learns, by name.
        optimizer: An Adam over exactly these parameters.
        key: Says which run this is; a state with another key is not taken up.
    """
    from safetensors.torch import save

    tensors: dict[str, Tensor] = {}
    for name, parameter in parameters.items():
        tensors[f"value.{name}"] = parameter.detach().contiguous()
        for moment, value in optimizer.state.get(parameter, {}).items():
            tensors[f"{moment}.{name}"] = torch.as_tensor(value).detach().contiguous()
    blob = save(tensors, metadata={"step": str(step), "key": key})
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / (FILE + ".part")
    with open(temporary, "wb") as file:
        file.write(blob)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, folder / FILE)


def load_state(
    folder: Path, parameters: dict[str, nn.Parameter], optimizer: torch.optim.Optimizer, key: str
) -> int:
    """Take a state up, if there is one of this run.

    Returns:
        Steps done; 0 where there is no state of this run.
    """
    from safetensors import safe_open

    path = folder / FILE
    if not path.is_file():
        return 0
    with safe_open(str(path), "pt") as file:
        metadata = file.metadata() or {}
        if metadata.get("key") != key:
            return 0
        stored = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    with torch.no_grad():
        for name, parameter in parameters.items():
            parameter.copy_(stored[f"value.{name}"])
            if f"exp_avg.{name}" in stored:
                optimizer.state[parameter] = {
                    moment: stored[f"{moment}.{name}"] for moment in ("step", "exp_avg", "exp_avg_sq")
                }
    return int(metadata["step"])


def run_key(**settings: object) -> str:
    """A text that names a run by its settings."""
    return json.dumps(settings, sort_keys=True, default=str)
