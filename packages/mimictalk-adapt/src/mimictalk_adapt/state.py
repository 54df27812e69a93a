"""A state that a run can be taken up from: all that learns, Adam's moments, and the run's own history."""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mimictalk_adapt.errors import InputError

FILE = "training_state.safetensors"
Numbers = dict[str, float]


@dataclass
class History:
    """What a run has done so far.

    Attributes:
        done: Steps, the ones left out among them: the whole state of the sampler.
        planned: Steps of the whole run, fixed when it first started; 0 before that.
        seconds: Time spent in all calls.
        skipped: Steps left out because their loss or gradient was not finite.
        bad_in_a_row: How many of these came last.
        rollbacks: How often the run went back to its last good point.
        rate: Factor on the learning rates that rollbacks left.
        looked_at: Step of the last look at held-out data; -1 before the first.
        best_step: Step of the best held-out score; -1 without any.
        worse: Looks since then.
        curve: (step, loss terms), about a hundred over the run.
        held_out: (step, seconds, held-out numbers) of every look.
        spent: Seconds of work by kind, see `AdaptResult`.
    """

    done: int = 0
    planned: int = 0
    seconds: float = 0.0
    skipped: int = 0
    bad_in_a_row: int = 0
    rollbacks: int = 0
    rate: float = 1.0
    looked_at: int = -1
    best_step: int = -1
    worse: int = 0
    curve: list[tuple[int, Numbers]] = field(default_factory=list)
    held_out: list[tuple[int, float, Numbers]] = field(default_factory=list)
    spent: dict[str, float] = field(default_factory=dict)

    @property
    def best(self) -> Numbers | None:
        """Held-out numbers of the best look."""
        return next((numbers for step, _, numbers in self.held_out if step == self.best_step), None)


def save_state(folder: Path, tensors: Mapping[str, Tensor], history: History, key: str) -> None:
    """Write a state whole or not at all.

    Args:
        folder: Where; made if missing.
        tensors: Everything that a run needs to go on, by name.
        history: What it has done.
        key: Says which run this is; a state with another key is not taken up.

    Raises:
        ValueError: If a value is infinite or NaN; the state before stays.
    """
    from safetensors.torch import save

    refuse_nonfinite(tensors)
    whole = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    about = {"history": json.dumps(asdict(history)), "key": key}
    blob = save(whole, metadata={**about, "sha256": _checksum(whole, about)})
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / (FILE + ".part")
    with open(temporary, "wb") as file:
        file.write(blob)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, folder / FILE)
    descriptor = os.open(folder, os.O_RDONLY)  # the name, too, must be on the disk
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def load_state(folder: Path, key: str) -> tuple[dict[str, Tensor], History] | None:
    """What `save_state` wrote, or None where there is no state of this run.

    Raises:
        InputError: If the state is damaged.
    """
    from safetensors import SafetensorError, safe_open

    path = folder / FILE
    if not path.is_file():
        return None
    try:
        with safe_open(str(path), "pt") as file:
            about = dict(file.metadata() or {})
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise _damaged(path, str(error)) from None
    wanted = about.pop("sha256", "")
    if wanted != _checksum(tensors, about):
        raise _damaged(path, "its checksum does not match")
    if about.get("key") != key:
        return None
    told: dict[str, Any] = json.loads(about["history"])
    told["curve"] = [(step, terms) for step, terms in told["curve"]]
    told["held_out"] = [(step, seconds, numbers) for step, seconds, numbers in told["held_out"]]
    return tensors, History(**told)


def moments(parameters: Mapping[str, nn.Parameter], optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Adam's moments, by moment and parameter name."""
    return {
        f"{moment}.{name}": torch.as_tensor(value)
        for name, parameter in parameters.items()
        for moment, value in optimizer.state.get(parameter, {}).items()
    }


def load_moments(
    parameters: Mapping[str, nn.Parameter], optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]
) -> None:
    """Put back what `moments` gave."""
    for name, parameter in parameters.items():
        if f"exp_avg.{name}" in tensors:
            optimizer.state[parameter] = {
                "step": tensors[f"step.{name}"].to(parameter.device),  # where fused optimisers count
                "exp_avg": tensors[f"exp_avg.{name}"].to(parameter.device),
                "exp_avg_sq": tensors[f"exp_avg_sq.{name}"].to(parameter.device),
            }


def refuse_nonfinite(tensors: Mapping[str, Tensor]) -> None:
    """Let nothing infinite or NaN reach the disk.

    Raises:
        ValueError: Naming the tensor.
    """
    for name, value in tensors.items():
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            raise ValueError(f"{name} holds values that are not finite: it is not written")


def run_key(**settings: object) -> str:
    """A text that names a run by its settings."""
    return json.dumps(settings, sort_keys=True, default=str)


def _checksum(tensors: Mapping[str, Tensor], about: Mapping[str, str]) -> str:
    digest = hashlib.sha256(json.dumps(dict(about), sort_keys=True).encode())
    for name in sorted(tensors):
        digest.update(f"{name} {tensors[name].dtype} {tuple(tensors[name].shape)}".encode())
        digest.update(tensors[name].reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _damaged(path: Path, cause: str) -> InputError:
    return InputError(
        str(path), f"the saved state is damaged ({cause})", "Remove this file, then learning begins anew."
    )
