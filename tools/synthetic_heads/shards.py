"""Shards on disk: one safetensors file per person, pictures as JPEG and PNG bytes."""

import json
import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from synthetic_heads.batches import Sample

FORMAT = "synthetic_heads.Shard.1"
QUALITY = 95


def write_shard(path: Path, sample: Sample, *, seed: int, step: int) -> None:
    """Write one shard, atomically.

    Tensors of the file, T frames of size S:
        frames, frames_at: JPEG files (quality 95, 4:4:4) one after the other, uint8 (N,), and their borders,
            int64 (T + 1,). plate: one JPEG file, the background alone.
        head, head_at, torso, torso_at: Masks as PNG files; person = head + torso.
        identity (80,), expression (T, 64), euler, translation (T, 3), gaze (T, 2), landmarks (T, 468, 2) in
        pixels, camera_to_world (T, 4, 4), intrinsics (T, 3, 3): float32.
    """
    from safetensors.numpy import save

    picture, motion = sample.picture, sample.motion
    tensors: dict[str, np.ndarray] = {}
    jpeg = [
        cv2.IMWRITE_JPEG_QUALITY,
        QUALITY,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
    ]
    _put(tensors, "frames", [cv2.imencode(".jpg", f[..., ::-1], jpeg)[1] for f in picture.frames])
    for name, masks in (("head", picture.head), ("torso", picture.torso)):
        _put(tensors, name, [cv2.imencode(".png", m, [cv2.IMWRITE_PNG_COMPRESSION, 3])[1] for m in masks])
    tensors["plate"] = cv2.imencode(".jpg", picture.plate[..., ::-1], jpeg)[1].reshape(-1)
    tensors |= {
        "identity": sample.identity, "expression": motion.expression, "euler": motion.euler,
        "translation": motion.translation, "gaze": motion.gaze, "landmarks": picture.landmarks,
        "camera_to_world": sample.camera_to_world, "intrinsics": sample.intrinsics,
    }  # fmt: skip
    tensors = {name: np.ascontiguousarray(value) for name, value in tensors.items()}
    facts = {"person": sample.person, "seed": seed, "step": step, "size": picture.frames.shape[1]}
    payload = save(tensors, {"format": FORMAT, "facts": json.dumps(facts)})
    part = path.with_name(path.name + ".part")
    with open(part, "wb") as file:
        file.write(payload)
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)


def _put(tensors: dict[str, np.ndarray], name: str, files: list[np.ndarray]) -> None:
    tensors[name] = np.concatenate([f.reshape(-1) for f in files])
    tensors[name + "_at"] = np.cumsum([0] + [f.size for f in files]).astype(np.int64)


def read_shard(path: str | os.PathLike[str], frames: list[int] | None = None) -> dict[str, Any]:
    """Read a shard, pictures decoded.

    Args:
        path: File written by `write_shard`.
        frames: Frames wanted; None for all.

    Returns:
        frames (T, S, S, 3) RGB, head, torso (T, S, S), plate (S, S, 3) uint8; the float32 arrays of
        `write_shard` (those per frame for the frames wanted); facts, a dictionary: person, seed, step, size.

    Raises:
        ValueError: If the file is of another format or a picture is damaged.
    """
    from safetensors import safe_open

    with safe_open(str(path), framework="np") as file:
        about = file.metadata() or {}
        if about.get("format") != FORMAT:
            raise ValueError(f"{path}: format is {about.get('format')!r}, not {FORMAT!r}")
        raw = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
    wanted = range(len(raw["frames_at"]) - 1) if frames is None else frames
    result: dict[str, Any] = {"facts": json.loads(about["facts"]), "identity": raw["identity"]}
    for name in ("frames", "head", "torso"):
        at = raw[name + "_at"]
        result[name] = np.stack(
            [_decoded(path, raw[name][at[i] : at[i + 1]], name == "frames") for i in wanted]
        )
    result["plate"] = _decoded(path, raw["plate"], True)
    for name in ("expression", "euler", "translation", "gaze", "landmarks", "camera_to_world", "intrinsics"):
        result[name] = raw[name][list(wanted)]
    return result


def _decoded(path: str | os.PathLike[str], file: np.ndarray, colour: bool) -> np.ndarray:
    """Picture (S, S, 3) RGB or (S, S) of the bytes of a JPEG or PNG file."""
    picture = cv2.imdecode(file, cv2.IMREAD_COLOR if colour else cv2.IMREAD_GRAYSCALE)
    if picture is None:
        raise ValueError(f"{path}: a picture is damaged")
    return np.ascontiguousarray(picture[..., ::-1]) if colour else picture
