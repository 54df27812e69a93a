"""A published checkpoint as it lies on disk: tensors, numbers and words, read without running anything.

The published trainers write `torch.save` pickles with
`state_dict` (by model: "model", "disc", …, and for an adapted person "learnable_triplane"), `global_step`,
`lora_args` and `person_ds`. Only `weights_only=True` reads them here: a pickle may name any function to call.
"""

import errno
import hashlib
import re
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from portrait3d.errors import InputError

STEP = re.compile(r"_steps_(\d+)\.ckpt$")
COMPILED, DISTRIBUTED = "_orig_mod.", "module."
PERSON_PLANES = ("_last_cano_planes", "_last_planes")
DOWNLOAD_AGAIN = "Download it again and compare its size with the size shown on the site."
# The trainers keep the best validation loss as a NumPy scalar, of old NumPy under its old name. These build
# numbers and nothing else.
_SCALAR = np.float64(0).__reduce__()[0]
NUMBERS: list[Any] = [
    _SCALAR,
    (_SCALAR, "numpy.core.multiarray.scalar"),
    np.dtype,
    *(type(np.dtype(kind)) for kind in ("f8", "f4", "i8")),
]


@dataclass(frozen=True)
class Checkpoint:
    """What one file holds.

    Attributes:
        path: The file.
        sha256: Of the whole file, hexadecimal.
        tensors: The model's entries by published name, without prefixes of wrappers.
        planes: Learned canonical planes (1, 3, C D, R, R) of an adapted person, or None.
        person: `person_ds`: picture, identity, key-points, name of the clip; empty in generic checkpoints.
        lora: `lora_args`: mode and rank; empty without LoRA.
        step: Training step, or None.
        set_aside: Other models in the file (discriminator, …) to their number of entries.
    """

    path: Path
    sha256: str
    tensors: dict[str, Tensor]
    planes: Tensor | None = None
    person: dict[str, Any] = field(default_factory=dict)
    lora: dict[str, Any] = field(default_factory=dict)
    step: int | None = None
    set_aside: dict[str, int] = field(default_factory=dict)


def find_checkpoint(path: Path) -> Path:
    """The file itself, or in a folder the checkpoint of the highest step, as the published loader chooses.

    Raises:
        InputError: If there is none.
    """
    if path.is_file():
        return path
    if not path.exists():
        raise InputError(str(path), "there is no such file or folder", "Give a checkpoint or its folder.")
    steps = {int(match[1]): file for file in path.iterdir() if (match := STEP.search(file.name))}
    others = sorted(file for file in path.iterdir() if file.suffix in (".ckpt", ".pt", ".pth"))
    if steps:
        return steps[max(steps)]
    if len(others) == 1:
        return others[0]
    found = f"{len(others)} checkpoints without a step in their names" if others else "no checkpoint"
    raise InputError(str(path), f"{found} in this folder", "Name the file: model_ckpt_steps_100000.ckpt")


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a file that a published trainer wrote.

    Args:
        path: A checkpoint, or a folder of them.

    Raises:
        InputError: If it is no checkpoint, cut short, or holds objects other than tensors and numbers.
    """
    path = find_checkpoint(path)
    content = _read_tensors_only(path)
    if not isinstance(content, dict):
        what = f"it holds a {type(content).__name__}, not named tensors"
        raise InputError(str(path), what, "Give a renderer's checkpoint.")
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    state = content["state_dict"] if isinstance(content.get("state_dict"), dict) else content
    tensors, set_aside = _split_models(state)
    planes = _tensor(state.get("learnable_triplane"))
    for name in PERSON_PLANES:
        kept = tensors.pop(name, None)
        planes = kept if planes is None else planes
    step = content.get("global_step")
    if step is None and (match := STEP.search(path.name)):
        step = int(match[1])
    return Checkpoint(
        path,
        sha256,
        tensors,
        planes,
        _dictionary(content.get("person_ds")),
        _dictionary(content.get("lora_args")),
        None if step is None else int(step),
        set_aside,
    )


def _read_tensors_only(path: Path) -> Any:
    refuse_other_files(path)
    with torch.serialization.safe_globals(NUMBERS):
        try:
            # Zip checkpoints are mapped: the optimiser's tensors, two thirds of the file, are never read.
            return torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
        except MemoryError:
            raise
        except Exception as error:  # on damaged bytes the restricted unpickler raises almost anything
            if isinstance(error, OSError) and error.errno != errno.EINVAL:  # torch seeks before the beginning
                raise
            raise _refusal(path, error) from None


def _refusal(path: Path, error: Exception) -> InputError:
    named = re.search(r"Unsupported (?:global|class|operand)[^\n]*?:? (?:GLOBAL )?([\w.]+\.\w+)", str(error))
    named = named or re.search(r"GLOBAL ([\w.]+)", str(error))
    if named:
        return InputError(
            str(path),
            f"it holds a pickled object ({named[1]}), which could run code: refused",
            "Ask for a file of tensors only: torch.save(model.state_dict(), ...) or safetensors.",
        )
    return InputError(str(path), "it cannot be read to its end: cut short or damaged", DOWNLOAD_AGAIN)


def refuse_other_files(path: Path) -> None:
    """Say what a file is that cannot be a checkpoint.

    Raises:
        InputError: For an empty file, a web page, a pointer to a file elsewhere, an archive, safetensors.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(512)
    text = head.lstrip().lower()
    if size == 0:
        raise InputError(str(path), "the file is empty", DOWNLOAD_AGAIN)
    if text.startswith((b"<!doctype", b"<html")):
        raise InputError(str(path), "it is a web page: the download was refused", DOWNLOAD_AGAIN)
    if text.startswith(b"version https://git-lfs"):
        raise InputError(str(path), "it is a Git LFS pointer, not the file itself", "Run: git lfs pull")
    if head[:4] == b"PK\x03\x04" and _is_plain_archive(path):
        raise InputError(
            str(path), "it is a zip archive, not a checkpoint", "Unpack it, give the .ckpt in it."
        )
    if head[:2] == b"\x1f\x8b":
        raise InputError(str(path), "it is a compressed archive, not a checkpoint", "Unpack it first.")
    if path.suffix == ".safetensors" or head[8:10] == b'{"':
        raise InputError(
            str(path),
            "it is a safetensors file; published checkpoints are PyTorch files (.ckpt)",
            "Weights that were imported before are used by their folder; they need no second import.",
        )


def _is_plain_archive(path: Path) -> bool:
    if not zipfile.is_zipfile(path):
        return False  # cut short: torch says so
    with zipfile.ZipFile(path) as archive:
        return not any(name.endswith("data.pkl") for name in archive.namelist())


def _split_models(state: dict[str, Any]) -> tuple[dict[str, Tensor], dict[str, int]]:
    """The renderer's tensors and, for every other model in the file, how many entries it has."""
    if isinstance(state.get("model"), dict):
        model = state["model"]
        rest = {name: len(part) for name, part in state.items() if isinstance(part, dict) and name != "model"}
    else:
        named = {name: value for name, value in state.items() if isinstance(value, Tensor)}
        model = {name[len("model.") :]: v for name, v in named.items() if name.startswith("model.")} or named
        rest = {}
        for name in named if len(model) < len(named) else ():
            part = name.split(".")[0]
            if part not in ("model", "learnable_triplane"):
                rest[part] = rest.get(part, 0) + 1
    tensors = {
        name.replace(COMPILED, "").removeprefix(DISTRIBUTED): value.detach()
        for name, value in model.items()
        if isinstance(value, Tensor)
    }
    return tensors, rest


def _tensor(value: Any) -> Tensor | None:
    return value.detach() if isinstance(value, Tensor) else None


def _dictionary(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
