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
    """First frames of windows that cover [0, frames): equal steps, then one flush with the end.

    Where a window lies does not depend on how much comes after it, so motion can be drawn as sound comes.

    Raises:
        ValueError: the overlap is not smaller than the window.
    """
    if not 0 <= overlap < length:
        raise ValueError(f"overlap must lie in [0, {length}), got {overlap}")
    if frames <= length:
        return [0]
    last = frames - length
    return [*range(0, last, length - overlap), last]


def section_margin(length: int, overlap: int, passes: int, reach: int) -> int:
    """Frames at the border of a section of a clip that its windows draw otherwise than those of the clip.

    Each pass of the network carries a difference to all frames of every window that saw it.

    Args:
        length, overlap: of the windows, in frames.
        passes: evaluations of the velocity.
        reach: frames by which the sound's encoder sees beyond a frame.
    """
    different, step = reach, length - overlap
    for _ in range(passes):
        different = (different - 1) // step * step + length
    return different


def sections(count: int, length: int, overlap: int, margin: int) -> tuple[int, int]:
    """Frames of a section of `count` windows, and the step from one to the next, a whole number of windows.

    Raises:
        ValueError: so few windows that nothing is left between the margins.
    """
    step = length - overlap
    frames = (count - 1) * step + length
    ahead = (frames - 2 * margin) // step * step
    if ahead < step:
        raise ValueError(f"a section needs more windows than {count}: its margins are {margin} frames each")
    return frames, ahead


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
