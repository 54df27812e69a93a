"""Weights that a user gives: nothing is downloaded and nothing in the file is run.

LPIPS, FID and CSIM are defined by networks that others trained. Their weights may not be shipped here: the
user names a file of them, as published or as safetensors. Graphs are ours, tensors have the published names.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from portrait3d.errors import InputError


def read_given(files: Iterable[Path]) -> dict[str, Tensor]:
    """The tensors of one or more files, in float32 where they are floating point.

    Args:
        files: safetensors, or what `torch.save` wrote of a state dictionary.

    Raises:
        InputError: If a file is missing, damaged, holds more than tensors, or two hold a tensor of one name.
    """
    tensors: dict[str, Tensor] = {}
    for file in files:
        if not file.is_file():
            raise InputError(str(file), "there is no such file", "Check the name.")
        found = _read_safetensors(file) if file.suffix == ".safetensors" else _read_state(file)
        twice = sorted(tensors.keys() & found.keys())
        if twice:
            raise InputError(str(file), f"{twice[0]} is in another file, too", "Give each file once.")
        tensors |= {name: x.float() if x.is_floating_point() else x for name, x in found.items()}
    return tensors


def _read_safetensors(file: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(file)
    except SafetensorError as error:
        cause = f"it is no whole safetensors file ({error})"
        raise InputError(str(file), cause, "Copy or download it again.") from error


def _read_state(file: Path) -> dict[str, Tensor]:
    from portrait3d.full.checkpoint_file import read_checkpoint

    return read_checkpoint(file).tensors


def fill(network: nn.Module, tensors: Mapping[str, Tensor], subject: str) -> None:
    """Put tensors into a network and make it ready to judge: no gradients, evaluation mode.

    The network may be on the "meta" device, where building it costs nothing: the tensors take their places.
    Batch norm's counter `num_batches_tracked` may be absent: it decides nothing here.

    Raises:
        InputError: If a tensor is missing, superfluous, of another shape, or not finite.
    """
    wanted = network.state_dict()
    needed = {name for name in wanted if not name.endswith("num_batches_tracked")}
    cure = "Give the published weights of this network, unchanged."
    missing, foreign = sorted(needed - tensors.keys()), sorted(tensors.keys() - wanted.keys())
    if missing:
        cause = f"{len(missing)} of {len(needed)} tensors are missing: {_some(missing)}"
        raise InputError(subject, cause, cure)
    if foreign:
        raise InputError(subject, f"{len(foreign)} tensors are not of this network: {_some(foreign)}", cure)
    for name in sorted(needed):
        shape, found = tuple(wanted[name].shape), tensors[name]
        if tuple(found.shape) != shape:
            raise InputError(subject, f"{name} has shape {tuple(found.shape)} instead of {shape}", cure)
        if not bool(torch.isfinite(found).all()):
            raise InputError(subject, f"{name} holds numbers that are not finite", cure)
    counters = {name: torch.zeros((), dtype=torch.int64) for name in wanted.keys() - needed}
    network.load_state_dict({**counters, **tensors}, assign=True)
    network.eval().requires_grad_(False)


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
