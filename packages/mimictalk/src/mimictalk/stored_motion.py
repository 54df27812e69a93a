"""A whole motion in one file, read as it is needed: an hour is 27 MB that never have to be in memory."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from talk_motion import MotionSequence

ROWS = 1000  # frames written at a time


def store_motion(path: Path, motion: "MotionSequence") -> None:
    """Write (T, 73) float32, little-endian: expression, euler, translation, gaze, blink of each frame."""
    import torch

    from talk_motion.motion import SIZES

    with path.open("wb") as file:
        for start in range(0, motion.frames, ROWS):
            piece = motion.slice(start, start + ROWS)
            parts = [getattr(piece, name).reshape(piece.frames, -1) for name in SIZES]
            file.write(torch.cat(parts, dim=1).detach().float().numpy().astype("<f4").tobytes())


def stored_motion(path: Path) -> "MotionSequence":
    """The motion that `store_motion` wrote, mapped from the disk."""
    import torch

    from talk_motion import MotionSequence
    from talk_motion.motion import SIZES

    widths = [int(np.prod(size)) for size in SIZES.values()]
    if path.stat().st_size == 0:
        return MotionSequence.join([])
    # Copy on write: the file stays as it is whatever is done to the tensors.
    rows = torch.from_numpy(np.memmap(path, "<f4", "c").reshape(-1, sum(widths)))
    columns = torch.split(rows, widths, dim=1)
    parts = [part.reshape(-1, *size) for part, size in zip(columns, SIZES.values(), strict=True)]
    expression, euler, translation, gaze, blink = parts
    return MotionSequence(expression, euler, translation, gaze, blink)
