"""Imported weights on disk: a folder of full.safetensors, full.json and, for a person, person.safetensors.

full.json holds configuration, report, and of every file its size, sha256 and a digest of each tensor, so that
a damaged file can be told from another one.
"""

import errno
import hashlib
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from portrait3d.errors import InputError
from portrait3d.full.config import FullConfig
from portrait3d.seal import read_sealed_json, sealed_json

if TYPE_CHECKING:
    from portrait3d.full.model import FullPortrait

FORMAT = "portrait3d full weights, 1"
CARD, MODEL, PERSON = "full.json", "full.safetensors", "person.safetensors"
AGAIN = "Import the checkpoint again: mimictalk weights import PATH"
DIGEST = 16  # hexadecimal digits per tensor: they only tell which tensor of a damaged file changed


def write_weights(
    folder: Path,
    config: FullConfig,
    state: Mapping[str, Tensor],
    person: Mapping[str, Tensor],
    report: Mapping[str, Any],
    *,
    half: bool = False,
) -> dict[str, Any]:
    """Write a folder of weights; it appears whole or not at all, and replaces only a folder of weights.

    Args:
        folder: Where.
        config: Sizes and options.
        state: `FullPortrait(config).state_dict()`.
        person: Learned planes and the rest of an adapted person; empty for a generic model.
        report: What is known of their origin; JSON.
        half: float16 instead of float32.

    Returns:
        The content of full.json.

    Raises:
        InputError: If `folder` holds something else, or a value does not fit into float16.
    """
    from safetensors.torch import save

    refuse_to_replace(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    part.mkdir()
    try:
        files = {}
        for name, tensors in ((MODEL, state), (PERSON, person)):
            if tensors:
                stored = {key: _stored(key, value, half) for key, value in tensors.items()}
                files[name] = _write(part / name, save(stored)) | {"tensors": digests(stored)}
        card = {
            "format": FORMAT,
            "config": config.to_dict(),
            "precision": "float16" if half else "float32",
            "files": files,
            "report": dict(report),
        }
        _write(part / CARD, sealed_json(card))
        _replace(part, folder)
        _sweep(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return card


def refuse_to_replace(folder: Path) -> None:
    """Refuse to write weights over anything else.

    Raises:
        InputError: If `folder` is a file, or a folder that holds something but no weights.
    """
    if folder.is_dir() and (not any(folder.iterdir()) or (folder / CARD).is_file()):
        return
    if folder.exists():
        cause = "it is there already and holds no imported weights"
        raise InputError(str(folder), cause, "Choose another folder.")


def read_card(folder: Path) -> dict[str, Any]:
    """The content of full.json.

    Raises:
        InputError: If it is missing, unreadable, or of another format.
    """
    path = folder / CARD
    if not path.is_file():
        raise InputError(str(folder), f"no imported weights ({CARD}) here", "Name another folder.")
    try:
        card = read_sealed_json(path, AGAIN)
        readable = card["format"] == FORMAT and isinstance(card["files"], dict) and MODEL in card["files"]
        FullConfig(**card["config"])
    except InputError:
        raise
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        words = " ".join(str(error).split())[:80]
        raise InputError(str(path), f"it is damaged or of another version ({words})", AGAIN) from None
    if not readable:
        raise InputError(str(path), f"it is not of the format {FORMAT!r}", AGAIN)
    return card


def read_weights(folder: Path) -> tuple[FullConfig, dict[str, Tensor], dict[str, Tensor]]:
    """Configuration, state and person of a folder of weights, as float32.

    Raises:
        InputError: If a file is missing or is not the one that was written.
    """
    from safetensors.torch import load

    card = read_card(folder)
    read: dict[str, dict[str, Tensor]] = {}
    for name, facts in card["files"].items():
        path = folder / name
        blob = path.read_bytes() if path.is_file() else b""
        if hashlib.sha256(blob).hexdigest() != facts["sha256"]:
            cure = f"See what happened: mimictalk weights verify {folder}; or import the checkpoint again."
            raise InputError(str(path), f"it is not the file that {CARD} describes (sha256 differs)", cure)
        read[name] = {key: value.float() for key, value in load(blob).items()}
    return FullConfig(**card["config"]), read[MODEL], read.get(PERSON, {})


def load_portrait(folder: Path, *, folded: bool = True) -> tuple["FullPortrait", dict[str, Tensor]]:
    """The renderer of a folder of weights in evaluation mode, and its person ({} for a generic model).

    Args:
        folder: Written by `write_weights`.
        folded: Fold constant factors into plain convolutions, for rendering; not for training.

    Raises:
        InputError: If a file is missing or is not the one that was written, or the weights do not fit.
    """
    from portrait3d.full.folding import fold
    from portrait3d.full.model import FullPortrait

    config, state, person = read_weights(folder)
    with torch.device("meta"):
        model = FullPortrait(config)
    try:
        model.load_state_dict(state, assign=True)
    except RuntimeError as error:
        raise InputError(str(folder), "the weights do not fit this version of portrait3d", AGAIN) from error
    model = model.eval().requires_grad_(False)
    return (fold(model) if folded else model), person


def digests(tensors: Mapping[str, Tensor]) -> dict[str, str]:
    """Beginning of the sha256 of each tensor's bytes."""
    return {
        name: hashlib.sha256(value.contiguous().numpy().tobytes()).hexdigest()[:DIGEST]
        for name, value in tensors.items()
    }


def _stored(name: str, value: Tensor, half: bool) -> Tensor:
    value = value.detach().cpu()
    if not value.is_floating_point():
        return value.contiguous()
    stored = value.to(torch.float16 if half else torch.float32).contiguous()
    if not torch.isfinite(stored).all():
        what = "too large for float16" if torch.isfinite(value).all() else "not a number"
        cure = "Import without --half." if half else "The file is damaged."
        raise InputError(name, f"a value is {what}", cure)
    return stored


def _write(path: Path, blob: bytes) -> dict[str, Any]:
    with path.open("wb") as file:
        file.write(blob)
        file.flush()
        os.fsync(file.fileno())
    return {"sha256": hashlib.sha256(blob).hexdigest(), "bytes": len(blob)}


def _replace(part: Path, folder: Path) -> None:
    """Rename `part` to `folder`; the old folder stays until the new one has its name."""
    retired = folder.with_name(f".{folder.name}.{os.getpid()}.retired")
    if folder.exists():
        folder.rename(retired)
    try:
        part.rename(folder)
    except OSError:
        if retired.exists():
            retired.rename(folder)
        raise
    shutil.rmtree(retired, ignore_errors=True)


def _sweep(folder: Path) -> None:
    """Remove what killed processes left beside `folder`; living ones keep theirs."""
    for entry in folder.parent.glob(f".{folder.name}.*"):
        name = re.fullmatch(r"(\d+)\.(part|retired)", entry.name.removeprefix(f".{folder.name}."))
        if name and not _is_alive(int(name[1])):
            shutil.rmtree(entry, ignore_errors=True)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except OSError as error:
        return error.errno != errno.ESRCH
    return True
