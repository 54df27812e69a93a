"""The whole state of a run on disk, so that it goes on as if it had never stopped.

A run whose processes keep everything writes one file, state.safetensors. Where each keeps a part, each
writes its part (torch.distributed.checkpoint, as safetensors) into a folder state-STEP, which appears whole
or not at all. Either is read by any number of processes, with whole tensors as the result.
"""

import hashlib
import json
import os
import shutil
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from portrait3d.errors import InputError
from portrait3d.seal import BLANK, intact, read_sealed_json, sealed, sealed_json
from portrait3d.storage import write_whole
from portrait3d.training.processes import Processes
from portrait3d.training.sharding import is_part

NAME, INDEX = "state.safetensors", "state.json"
FORMAT = "portrait3d training state, 1"
CURE = "Give another --out, or remove it to start again."
Parts = dict[str, dict[str, Tensor]]


def fingerprint(settings: dict[str, Any], data: str) -> str:
    """What must be the same for a run to go on: data, and settings but for how often it reports, how the work
    is shared, and what the data sets are called."""
    told = {name: value for name, value in settings.items() if name not in ("reporting", "data_sets")}
    told["optimisation"] = {n: v for n, v in settings["optimisation"].items() if n != "parallel"}
    return hashlib.sha256(json.dumps([told, data], sort_keys=True).encode()).hexdigest()


def save_state(
    folder: Path, step: int, key: str, parts: Mapping[str, Mapping[str, Tensor]], processes: Processes
) -> None:
    """Write the state after `step` steps, atomically; all processes call it together.

    Args:
        folder: Of the run.
        step: Steps done.
        key: `fingerprint` of the run.
        parts: Named tensors by part: "model", "adam", …; no "|" in a part's name.
        processes: Of the run.
    """
    from safetensors.torch import save

    flat = {f"{part}|{name}": t.detach() for part, tensors in parts.items() for name, t in tensors.items()}
    about = {"format": FORMAT, "step": str(step), "key": key}
    if any(is_part(tensor) for tensor in flat.values()):
        _save_parts(folder / f"state-{step:08d}", flat, about, processes)
        kept = f"state-{step:08d}"
    elif processes.first:
        whole = {name: tensor.cpu().contiguous() for name, tensor in flat.items()}
        write_whole(folder / NAME, sealed(save(whole, {"seal": BLANK, **about})))
        kept = NAME
    if processes.first:
        for path in _states(folder):
            if path.name != kept:
                shutil.rmtree(path) if path.is_dir() else path.unlink()


def load_state(folder: Path, key: str) -> tuple[int, Parts] | None:
    """Steps done and the parts of `save_state`, of the furthest state; None where there is none.

    Raises:
        InputError: If the state is damaged or of another run.
    """
    found = [_opened(path, key) for path in _states(folder)]
    if not found:
        return None
    path, step = max(found, key=lambda one: one[1])
    parts: Parts = {}
    for whole, tensor in (_load_parts(path) if path.is_dir() else _load_file(path)).items():
        part, _, name = whole.partition("|")
        parts.setdefault(part, {})[name] = tensor
    return step, parts


def _states(folder: Path) -> list[Path]:
    single = [folder / NAME] if (folder / NAME).is_file() else []
    return single + sorted(index.parent for index in folder.glob(f"state-????????/{INDEX}"))


def _opened(path: Path, key: str) -> tuple[Path, int]:
    """The path, and the steps done; checks what the state says of itself."""
    from safetensors import SafetensorError, safe_open

    if path.is_dir():
        about = read_sealed_json(path / INDEX, CURE)
    else:
        try:
            with safe_open(str(path), framework="pt") as file:
                about = file.metadata() or {}
        except SafetensorError as error:
            raise InputError(str(path), f"is damaged ({error})", CURE) from None
    if about.get("format") != FORMAT:
        raise InputError(str(path), f"format is {about.get('format')!r}, not {FORMAT!r}", CURE)
    if about["key"] != key:
        raise InputError(str(path), "belongs to a run with other settings or data", CURE)
    return path, int(about["step"])


def _load_file(path: Path) -> dict[str, Tensor]:
    from safetensors.torch import load

    content = path.read_bytes()
    if intact(content) is False:
        raise InputError(str(path), "is damaged: its seal does not match", CURE)
    return load(content)


def _save_parts(path: Path, flat: dict[str, Tensor], about: dict[str, str], processes: Processes) -> None:
    from torch.distributed import checkpoint

    part = path.with_name(path.name + ".part")
    if processes.first:
        for old in (part, path):
            shutil.rmtree(old, ignore_errors=True)
        part.mkdir(parents=True)
    processes.wait()
    # Its safetensors writer; the usual one leaves a pickled index.
    writer = checkpoint.HuggingFaceStorageWriter(str(part), save_distributed=True)
    checkpoint.save(dict(flat), storage_writer=writer)
    processes.wait()
    if processes.first:
        files = {file.name: _sha256(file, flush=True) for file in sorted(part.iterdir())}
        write_whole(part / INDEX, sealed_json({**about, "files": files}))
        os.replace(part, path)
    processes.wait()


def _load_parts(path: Path) -> dict[str, Tensor]:
    from torch.distributed import checkpoint

    for name, digest in read_sealed_json(path / INDEX, CURE)["files"].items():
        file = path / name
        if not file.is_file() or _sha256(file) != digest:
            raise InputError(str(file), f"is damaged or missing: {INDEX} has another sha256", CURE)
    reader = checkpoint.HuggingFaceStorageReader(str(path))
    known: dict[str, Any] = reader.read_metadata().state_dict_metadata  # of tensors alone
    whole = {name: torch.empty(one.size, dtype=one.properties.dtype) for name, one in known.items()}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "torch.distributed is disabled")  # so it is asked to be
        checkpoint.load(whole, storage_reader=reader, no_dist=True)
    return whole


def _sha256(path: Path, flush: bool = False) -> str:
    with path.open("rb+" if flush else "rb") as file:
        if flush:
            os.fsync(file.fileno())
        return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
