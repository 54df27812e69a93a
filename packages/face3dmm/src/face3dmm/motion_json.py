"""Coefficients of a clip as JSON, or as numpy's .npz: what a FaceTrack holds without its landmarks.

Both hold the same arrays under the same names, and every float32 is read back as it was. Both carry the
sha256 of all their other bytes, JSON under the key `seal`, .npz as the comment of the zip. What was altered
is refused; what another program wrote without one is read.
"""

import hashlib
import io
import json
import os
import zipfile
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from face3dmm.arkit import ARKIT_NAMES
from face3dmm.errors import InputError
from face3dmm.files import read_limited, write_atomic
from face3dmm.seal import BLANK, intact, sealed
from face3dmm.track import FaceCoeffs

FORMAT = "face3dmm.FaceMotion.1"
MAX_BYTES = 500_000_000  # as JSON about four hours
_ARRAYS = ("identity", "expression", "euler", "translation", "gaze", "confidence")
_AXES = {"fps": 0, "start": 0, "identity": 1, "confidence": 1}  # the others have 2
_CURE = "Give a file that face3dmm or `mimictalk track` wrote."
_ALTERED = "it was altered or damaged after it was written: its seal does not match"
_SEALED = "Get it again; if you changed it on purpose, take its seal out."
_ZIP_END = b"PK\x05\x06"  # of the record at the end of a zip: 22 bytes, then the comment


@dataclass(frozen=True, eq=False)
class FaceMotion:
    """Coefficients with their time base.

    Attributes:
        coeffs: T frames.
        fps: Frames per second.
        start: Seconds from the beginning of the sound to frame 0.
    """

    coeffs: FaceCoeffs
    fps: float = 25.0
    start: float = 0.0

    def __post_init__(self) -> None:
        if not 0 < self.fps < float("inf"):
            raise ValueError(f"fps must be positive, got {self.fps}")
        if not abs(self.start) < float("inf"):
            raise ValueError(f"start must be a number, got {self.start}")
        if not len(self.coeffs):
            raise ValueError("there is no frame")
        for name in _ARRAYS:
            if not bool(getattr(self.coeffs, name).isfinite().all()):
                raise ValueError(f"{name} is not finite")


def write_motion_json(path: str | os.PathLike[str], motion: FaceMotion) -> None:
    """Write one JSON object, atomically: format, seal, fps, start, arkit_names, arrays of `FaceCoeffs`."""
    content: dict[str, Any] = {
        "format": FORMAT,
        "seal": BLANK,
        "fps": motion.fps,
        "start": motion.start,
        "arkit_names": list(ARKIT_NAMES),  # of the first 52 numbers of expression, in models that have them
    }
    for name in _ARRAYS:
        content[name] = _shortened(getattr(motion.coeffs, name).detach().double().tolist())
    write_atomic(path, sealed(json.dumps(content, allow_nan=False).encode()))


def read_motion_json(path: str | os.PathLike[str]) -> FaceMotion:
    """Read what `write_motion_json` wrote.

    Raises:
        InputError: If the file is missing, too large, damaged, or holds something else.
    """
    text = read_limited(path, MAX_BYTES, _CURE)
    try:
        content = json.loads(text.decode("utf-8-sig"))
    except json.JSONDecodeError as error:
        raise InputError(path, f"line {error.lineno} is no JSON ({error.msg})", _CURE) from error
    except (ValueError, RecursionError) as error:  # also what is no UTF-8, and numbers of too many digits
        raise InputError(path, "it is no JSON text", _CURE) from error
    if not isinstance(content, dict):
        raise InputError(path, "it holds no JSON object", _CURE)
    if intact(text) is False:
        raise InputError(path, _ALTERED, _SEALED)
    return _motion(path, content)


def write_motion_npz(path: str | os.PathLike[str], motion: FaceMotion) -> None:
    """Write numpy's zip of arrays, atomically; names as in the JSON file."""
    arrays: dict[str, Any] = {name: getattr(motion.coeffs, name).detach().numpy() for name in _ARRAYS}
    facts: dict[str, Any] = {"format": FORMAT, "fps": motion.fps, "start": motion.start}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, arkit_names=np.array(ARKIT_NAMES), **facts, **arrays)
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.comment = BLANK.encode()
    content = buffer.getvalue()
    write_atomic(path, content[: -len(BLANK)] + hashlib.sha256(content).hexdigest().encode())


def read_motion_npz(path: str | os.PathLike[str]) -> FaceMotion:
    """Read what `write_motion_npz` wrote; nothing in the file is executed.

    Raises:
        InputError: If the file is missing, too large, damaged, or holds something else.
    """
    packed = read_limited(path, MAX_BYTES, _CURE)
    if not _zip_is_intact(packed):
        raise InputError(path, _ALTERED, _SEALED)
    buffer = io.BytesIO(packed)
    try:
        with zipfile.ZipFile(buffer) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
        if unpacked > MAX_BYTES:
            raise InputError(path, f"it unpacks to more than {MAX_BYTES // 1_000_000} MB", _CURE)
        with np.load(buffer, allow_pickle=False) as archive:
            content = {name: archive[name].tolist() for name in archive.files}
    except InputError:
        raise
    except (
        OSError, ValueError, KeyError, TypeError, RuntimeError, SyntaxError, EOFError, MemoryError,
        AttributeError, OverflowError, zipfile.BadZipFile, zlib.error,
    ) as error:  # fmt: skip
        raise InputError(path, "it is no numpy .npz file", _CURE) from error
    return _motion(path, content)


def _zip_is_intact(packed: bytes) -> bool:
    """Whether a zip has the seal that its comment holds, or no comment at all."""
    end = packed.rfind(_ZIP_END) + 22
    seal = packed[end:] if end > 22 else b""
    if len(seal) != int.from_bytes(packed[end - 2 : end], "little"):
        return end <= 22  # what is no zip is told so later
    whole = packed[:end] + BLANK.encode()
    return not seal or hashlib.sha256(whole).hexdigest().encode() == seal


def _motion(path: str | os.PathLike[str], content: dict[str, Any]) -> FaceMotion:
    kind, _, number = str(content.get("format")).rpartition(".")
    if f"{kind}." == FORMAT[:-1] and number.isdigit() and int(number) > int(FORMAT[-1]):
        words = f"a newer version wrote it (schema {number[:9]}; this one reads up to {FORMAT[-1]})"
        raise InputError(path, words, "Update the program that reads it.")
    if content.get("format") != FORMAT:
        raise InputError(path, f"its format is {str(content.get('format'))[:40]!r}, not {FORMAT!r}", _CURE)
    unknown = sorted(
        {str(name) for name in content} - {"format", "seal", "fps", "start", "arkit_names", *_ARRAYS}
    )
    if unknown:
        raise InputError(path, f"it holds {unknown[0][:40]!r}, which is not known", _CURE)
    missing = [name for name in ("fps", "start", *_ARRAYS) if name not in content]
    if missing:
        raise InputError(path, f"it lacks {', '.join(missing)}", _CURE)
    try:
        coeffs = FaceCoeffs(*(_tensor(name, content[name]) for name in _ARRAYS))
        facts = [float(_tensor(name, content[name])) for name in ("fps", "start")]
        return FaceMotion(coeffs, facts[0], facts[1])
    except ValueError as error:
        raise InputError(path, str(error)[:200], _CURE) from error


def _tensor(name: str, numbers: object) -> Tensor:
    axes = _AXES.get(name, 2)
    try:
        tensor = torch.tensor(numbers, dtype=torch.float32 if axes else torch.float64)
    except (TypeError, ValueError, RuntimeError, OverflowError) as error:
        raise ValueError(f"{name} is no array of numbers") from error
    if tensor.ndim != axes:
        raise ValueError(f"{name} must have {axes} axes, got {tensor.ndim}")
    return tensor


def _shortened(numbers: Any) -> Any:
    """Nine significant digits, which is what it takes to tell any two float32 apart."""
    return [_shortened(one) for one in numbers] if isinstance(numbers, list) else float(f"{numbers:.9g}")
