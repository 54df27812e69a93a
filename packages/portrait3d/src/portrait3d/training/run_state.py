"""The whole state of a run in one file, so that it goes on as if it had never stopped."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from portrait3d.errors import InputError
from portrait3d.storage import write_whole

NAME = "state.safetensors"
FORMAT = "portrait3d training state, 1"


def fingerprint(settings: dict[str, Any], data: str) -> str:
    """What must be the same for a run to go on: settings, but for how often it reports, and data."""
    told = {name: value for name, value in settings.items() if name != "reporting"}
    return hashlib.sha256(json.dumps([told, data], sort_keys=True).encode()).hexdigest()


def save_state(folder: Path, step: int, key: str, parts: Mapping[str, Mapping[str, Tensor]]) -> None:
    """Write the state after `step` steps, atomically.

    Args:
        folder: Of the run.
        step: Steps done.
        key: `fingerprint` of the run.
        parts: Named tensors by part: "model", "adam", …; no "|" in a part's name.
    """
    from safetensors.torch import save

    flat = {
        f"{part}|{name}": tensor.detach().cpu().contiguous()
        for part, tensors in parts.items()
        for name, tensor in tensors.items()
    }
    write_whole(folder / NAME, save(flat, {"format": FORMAT, "step": str(step), "key": key}))


def load_state(folder: Path, key: str) -> tuple[int, dict[str, dict[str, Tensor]]] | None:
    """Steps done and the parts of `save_state`; None where there is no state.

    Raises:
        InputError: If the state is damaged or of another run.
    """
    from safetensors import SafetensorError, safe_open

    path = folder / NAME
    if not path.is_file():
        return None
    cure = "Give another --out, or remove the file to start again."
    try:
        parts: dict[str, dict[str, Tensor]] = {}
        with safe_open(str(path), framework="pt") as file:
            about = file.metadata() or {}
            if about.get("format") != FORMAT:
                raise InputError(str(path), f"format is {about.get('format')!r}, not {FORMAT!r}", cure)
            if about["key"] != key:
                raise InputError(str(path), "belongs to a run with other settings or data", cure)
            for whole in file.keys():  # noqa: SIM118 - no mapping
                part, _, name = whole.partition("|")
                parts.setdefault(part, {})[name] = file.get_tensor(whole)
    except SafetensorError as error:
        raise InputError(str(path), f"is damaged ({error})", cure) from None
    return int(about["step"]), parts
