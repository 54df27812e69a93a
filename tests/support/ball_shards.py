"""Training shards of the coloured ball: the app's format without faces."""

from pathlib import Path

import numpy as np


from ball_portrait import ball_clip
from mimictalk.training_shards import write_shard


def ball_arrays(count: int = 4) -> dict[str, np.ndarray]:
    """Arrays of a shard; landmarks lie where a face's mouth and eyes would."""
    clip = ball_clip(count)
    landmarks = np.full((count, 468, 2), 64.0, np.float32)
    landmarks[:, [33, 133]] = (54, 54)
    landmarks[:, [362, 263]] = (74, 54)
    landmarks[:, [13, 14]] = (64, 76)
    draw = np.random.default_rng(0)
    expression = np.zeros((count, 64), np.float32)
    expression[:, 17] = np.linspace(0, 0.6, count)
    return {
        "frames": clip.frames.numpy(), "head": clip.head_mask.numpy(), "torso": clip.torso_mask.numpy(),
        "plate": clip.background.numpy(), "identity": draw.normal(0, 0.5, 80).astype(np.float32),
        "expression": expression, "euler": np.zeros((count, 3), np.float32),
        "translation": np.zeros((count, 3), np.float32), "gaze": np.zeros((count, 2), np.float32),
        "landmarks": landmarks, "camera_to_world": clip.camera_to_world.numpy(),
        "intrinsics": clip.intrinsics.contiguous().numpy(), "moment": np.array([0, 0] + [-1] * (count - 2)),
    }  # fmt: skip


def ball_folder(folder: Path, people: int = 2, consecutive: bool = False) -> Path:
    """A folder of shards."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(people):
        write_shard(folder / f"{number}.safetensors", ball_arrays(), {"consecutive": consecutive})
    return folder
