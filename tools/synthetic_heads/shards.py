"""Synthetic heads as training shards: the app's own format (`mimictalk.training_shards`)."""

import os
from pathlib import Path
from typing import Any

from mimictalk import training_shards
from synthetic_heads.batches import Sample


def write_shard(path: Path, sample: Sample, *, seed: int, step: int) -> None:
    """Write one shard, atomically; seed and step say how it was made."""
    picture, motion = sample.picture, sample.motion
    arrays = {
        "frames": picture.frames, "head": picture.head, "torso": picture.torso, "plate": picture.plate,
        "identity": sample.identity, "expression": motion.expression, "euler": motion.euler,
        "translation": motion.translation, "gaze": motion.gaze, "landmarks": picture.landmarks,
        "camera_to_world": sample.camera_to_world, "intrinsics": sample.intrinsics,
    }  # fmt: skip
    if sample.moment is not None:
        arrays["moment"] = sample.moment
    facts = {"person": sample.person, "seed": seed, "step": step, "consecutive": sample.consecutive}
    training_shards.write_shard(path, arrays, facts)


def read_shard(path: str | os.PathLike[str], frames: list[int] | None = None) -> dict[str, Any]:
    """Read a shard; see `mimictalk.training_shards.read_shard`."""
    return training_shards.read_shard(Path(path), frames)
