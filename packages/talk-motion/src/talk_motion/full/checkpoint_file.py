"""A published audio-to-motion checkpoint as it lies on disk: named tensors, read without running anything.

The published trainers write pickles: {"state_dict": {"model": {name: tensor}}, "global_step": …}, or, flat,
names that begin with "model.". Only `weights_only=True` reads them here: a pickle may name any function.
"""

import errno
import hashlib
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from talk_motion.errors import InputError

STEP = re.compile(r"_steps_(\d+)\.ckpt$")
COMPILED, DISTRIBUTED = "_orig_mod.", "module."
AGAIN = "Download it again and compare its size with the size shown on the site."
# Trainers keep the best validation loss as a NumPy scalar, of old NumPy under its old name: only numbers.
_SCALAR = np.float64(0).__reduce__()[0]
NUMBERS: list[Any] = [
    _SCALAR,
    (_SCALAR, "numpy.core.multiarray.scalar"),
    np.dtype,
    *(type(np.dtype(kind)) for kind in ("f8", "f4", "i8")),
]


@dataclass(frozen=True)
class Checkpoint:
    """What one file holds of a model.

    Attributes:
        path: The file.
        sha256: Of the whole file, hexadecimal.
        tensors: Published name to tensor, without prefixes of wrappers.
        step: Training step, or None.
        set_aside: Other models in the file to their number of entries.
    """

    path: Path
    sha256: str
    tensors: dict[str, Tensor]
    step: int | None
    set_aside: dict[str, int]


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a file that a published trainer wrote, or the highest step in its folder.

    Raises:
        InputError: It is missing, damaged, no checkpoint, or holds objects other than tensors and numbers.
    """
    path = find_checkpoint(path)
    content = _read_tensors_only(path)
    if not isinstance(content, dict):
        cause = f"it holds a {type(content).__name__}, not named tensors"
        raise InputError(path, cause, "Give a checkpoint of an audio-to-motion model.")
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    step = content.get("global_step")
    if step is None and (match := STEP.search(path.name)):
        step = match[1]
    tensors, set_aside = _split_models(_state(content))
    return Checkpoint(path, sha256, tensors, None if step is None else int(step), set_aside)


def read_names(path: Path) -> list[str]:
    """The published names in a file or folder, without reading the values.

    Raises:
        InputError: As `read_checkpoint`.
    """
    content = _read_tensors_only(find_checkpoint(path))
    return list(_split_models(_state(content))[0]) if isinstance(content, dict) else []


def find_checkpoint(path: Path) -> Path:
    """The file itself, or in a folder the checkpoint of the highest step.

    Raises:
        InputError: There is none.
    """
    if path.is_file():
        return path
    if not path.is_dir():
        raise InputError(path, "there is no such file or folder", "Give a checkpoint or its folder.")
    steps = {int(match[1]): file for file in path.iterdir() if (match := STEP.search(file.name))}
    if not steps:
        cause = "no checkpoint with its step in its name in this folder"
        raise InputError(path, cause, "Name the file itself.")
    return steps[max(steps)]


def _read_tensors_only(path: Path) -> Any:
    _refuse_other_files(path)
    with torch.serialization.safe_globals(NUMBERS):
        try:
            # Zip checkpoints are mapped: the optimiser's tensors, two thirds of the file, are never read.
            return torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
        except MemoryError:
            raise
        except Exception as error:  # on damaged bytes the restricted unpickler raises almost anything
            if isinstance(error, OSError) and error.errno != errno.EINVAL:  # torch seeks before the beginning
                raise
            if named := re.search(r"GLOBAL ([\w.]+)", str(error)):
                cause = f"it holds a pickled object ({named[1]}), which could run code: refused"
                raise InputError(path, cause, "Ask for a file of tensors only (safetensors).") from None
            raise InputError(path, "it cannot be read to its end: cut short or damaged", AGAIN) from None


def _refuse_other_files(path: Path) -> None:
    with path.open("rb") as file:
        head = file.read(512)
    text = head.lstrip().lower()
    if not head:
        raise InputError(path, "the file is empty", AGAIN)
    if text.startswith((b"<!doctype", b"<html")):
        raise InputError(path, "it is a web page: the download was refused", AGAIN)
    if text.startswith(b"version https://git-lfs"):
        raise InputError(path, "it is a Git LFS pointer, not the file itself", "Run: git lfs pull")
    if path.suffix == ".safetensors" or head[8:10] == b'{"':
        cause = "it is a safetensors file; published checkpoints are PyTorch files (.ckpt)"
        raise InputError(path, cause, "Weights imported before need no second import.")


def _state(content: dict[str, Any]) -> dict[str, Any]:
    state = content.get("state_dict")
    return state if isinstance(state, dict) else content


def _split_models(state: dict[str, Any]) -> tuple[dict[str, Tensor], dict[str, int]]:
    """The model's tensors and, for every other model in the file, how many entries it has."""
    if isinstance(state.get("model"), dict):
        model = state["model"]
        rest = {name: len(part) for name, part in state.items() if isinstance(part, dict) and name != "model"}
    else:
        named = {name: value for name, value in state.items() if isinstance(value, Tensor)}
        model = {name[len("model.") :]: v for name, v in named.items() if name.startswith("model.")} or named
        rest = {}
        for name in named if len(model) < len(named) else ():
            part = name.partition(".")[0]
            if part != "model":
                rest[part] = rest.get(part, 0) + 1
    tensors = {
        name.replace(COMPILED, "").removeprefix(DISTRIBUTED): value.detach()
        for name, value in model.items()
        if isinstance(value, Tensor)
    }
    return tensors, rest
