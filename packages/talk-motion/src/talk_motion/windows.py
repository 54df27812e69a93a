"""Long speech in windows whose velocities are blended, so that memory stays flat and no seam shows.

All windows of a clip take each step of the flow together; where two overlap, their velocities are averaged
with weights that fade out towards the borders (MultiDiffusion, Bar-Tal et al. 2023, eq. 5, in the flow's
space).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

# (x (B, L, M), first frame of each window (B,), t) -> velocity (B, L, M)
WindowVelocity = Callable[[Tensor, list[int], float], Tensor]


def window_starts(frames: int, length: int, overlap: int) -> list[int]:
    """First frames of windows that cover [0, frames): equal steps, the last one flush with the end.

    Raises:
        ValueError: the overlap is not smaller than the window.
    """
    if not 0 <= overlap < length:
        raise ValueError(f"overlap must lie in [0, {length}), got {overlap}")
    if frames <= length:
        return [0]
    count = -(-(frames - overlap) // (length - overlap))
    return [round(i * (frames - length) / (count - 1)) for i in range(count)]


def blended_velocity(
    velocity: WindowVelocity, frames: int, length: int, overlap: int, batch: int = 8
) -> Callable[[Tensor, float], Tensor]:
    """Makes one velocity field for the whole clip from one that sees a window at a time.

    Args:
        velocity: of a batch of windows.
        frames: length of the clip.
        length, overlap: of the windows, in frames.
        batch: windows per call; bounds the memory.

    Returns:
        (x (T, M), t) -> (T, M).
    """
    length = min(length, frames)
    starts = window_starts(frames, length, min(overlap, length - 1))
    ramp = (torch.arange(length) + 1.0).clamp(max=max(1, overlap))
    weight = torch.minimum(ramp, ramp.flip(0))[:, None]
    total = torch.zeros(frames, 1)
    for start in starts:
        total[start : start + length] += weight

    def whole(x: Tensor, t: float) -> Tensor:
        out = torch.zeros_like(x)
        for i in range(0, len(starts), batch):
            part = starts[i : i + batch]
            views = torch.stack([x[start : start + length] for start in part])
            for start, value in zip(part, velocity(views, part, t), strict=True):
                out[start : start + length] += weight * value
        return out / total

    return whole
