"""Weights on disk: float16 safetensors with the motion space inside, and a .json card with their sha256."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .errors import InputError
from .motion import write_atomically
from .seal import read_sealed_json, sealed_json
from .space import MotionSpace

SPACE_FIELDS = ("encode", "decode", "mean", "scale", "gap", "mouth")


def read_weights(path: Path, cure: str) -> tuple[dict[str, Tensor], MotionSpace, dict[str, Any]]:
    """Reads what `write_weights` wrote.

    Args:
        path: the .safetensors file; its .json lies beside it.
        cure: what to do when there is none.

    Returns:
        the network's state (float32, flags as they are), the motion space, the card.

    Raises:
        InputError: missing file, an altered card, or weights that do not match their sha256.
    """
    from safetensors.torch import load

    about = path.with_suffix(".json")
    if not path.is_file() or not about.is_file():
        raise InputError(path, "no such weights", cure)
    data, card = path.read_bytes(), read_sealed_json(about, "Get it again.")
    if hashlib.sha256(data).hexdigest() != card.get("sha256"):
        raise InputError(path, "the weights do not match their sha256: the file is damaged", "Get it again.")
    tensors = {name: t if t.dtype == torch.bool else t.float() for name, t in load(data).items()}
    space = MotionSpace(*(tensors.pop(f"space.{name}") for name in SPACE_FIELDS))
    return tensors, space, card


def write_weights(path: Path, state: dict[str, Tensor], space: MotionSpace, card: dict[str, Any]) -> None:
    """Writes a network's state and its motion space, and the card with their sha256, both atomically."""
    from safetensors.torch import save

    tensors = {name: t.half().contiguous() for name, t in state.items()}
    tensors |= {f"space.{name}": getattr(space, name).contiguous() for name in SPACE_FIELDS}
    data = save(tensors)
    about = card | {"sha256": hashlib.sha256(data).hexdigest()}
    write_atomically(path, data)
    write_atomically(path.with_suffix(".json"), sealed_json(about))
