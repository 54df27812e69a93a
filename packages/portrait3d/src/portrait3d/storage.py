"""Weights on disk: safetensors in half precision beside a JSON with config and sha256."""

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor

from portrait3d.errors import InputError
from portrait3d.seal import read_sealed_json, sealed_json

if TYPE_CHECKING:
    from portrait3d.model import Portrait3D

EMBEDDED = Path(__file__).parent / "data"


def weights_folder(name: str | Path) -> Path:
    """Folder of the embedded weights for "small", else the path itself.

    Raises:
        InputError: If there are no weights.
    """
    folder = EMBEDDED if str(name) == "small" else Path(name)
    if not (folder / "small.safetensors").is_file() or not (folder / "small.json").is_file():
        raise InputError(
            str(folder),
            "no portrait weights (small.safetensors, small.json) here",
            "Reinstall portrait3d, or give a folder written by Portrait3D.save.",
        )
    return folder


def save_weights(model: "Portrait3D", folder: Path, card: dict[str, object]) -> None:
    """Write weights and description; each file appears whole or not at all."""
    from safetensors.torch import save

    folder.mkdir(parents=True, exist_ok=True)
    blob = save({name: value.detach().half().contiguous() for name, value in model.state_dict().items()})
    description = {
        "format": "portrait3d weights, 1",
        "config": model.config.to_dict(),
        "sha256": hashlib.sha256(blob).hexdigest(),
        **card,
    }
    write_whole(folder / "small.safetensors", blob)
    write_whole(folder / "small.json", sealed_json(description))


def load_weights(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what `save_weights` wrote, in float32.

    Raises:
        InputError: If the bytes are not those that were described, or the description was altered.
    """
    from safetensors.torch import load

    description = read_sealed_json(folder / "small.json", "Reinstall portrait3d.")
    path = folder / "small.safetensors"
    blob = path.read_bytes() if path.is_file() else b""
    if hashlib.sha256(blob).hexdigest() != description.get("sha256"):
        raise InputError(
            str(path),
            "sha256 differs from small.json: the file is damaged" if blob else "it is missing or empty",
            "Reinstall portrait3d.",
        )
    return {name: value.float() for name, value in load(blob).items()}, description


def write_whole(path: Path, blob: bytes) -> None:
    """Write through a temporary file, so that a reader never sees half."""
    temporary = path.with_name(path.name + ".part")
    with open(temporary, "wb") as file:
        file.write(blob)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
