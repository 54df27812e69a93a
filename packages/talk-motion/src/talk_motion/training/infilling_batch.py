"""Clips with motion to fill in: what of it is seen, and how a tracker would see it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from talk_motion.flow import infill_mask
from talk_motion.sound_frames import MEL_BINS

UNNAMED = -1  # phone
SLOW = 15  # frames over which a tracker's error wanders


@dataclass(frozen=True)
class Batch:
    """Training clips of the small model.

    Attributes:
        audio: (B, 2T, 67) from `AudioFeatures.stack`.
        motion: (B, T, M) to reach, relative to the mean of what is known.
        seen: (B, T, M) as a tracker would give it.
        hidden: (B, T) bool, what has to be filled in.
        phones: (B, 2T) number of the speech sound that is being said, `UNNAMED` where nobody knows; None for
            nowhere.
    """

    audio: Tensor
    motion: Tensor
    seen: Tensor
    hidden: Tensor
    phones: Tensor | None = None


def infilling_batch(
    audio: Tensor,
    motion: Tensor,
    generator: torch.Generator,
    *,
    exact: Tensor,
    phones: Tensor | None = None,
) -> Batch:
    """Draws masks, and faults of tracking for motion that has none.

    Args:
        audio: (B, 2T, 67).
        motion: (B, T, M) in the motion space.
        generator: draws everything.
        exact: (B,) bool, True for motion that was made and not tracked.
        phones: (B, 2T), see `Batch`.
    """
    size, frames = motion.shape[:2]
    hidden = torch.stack([infill_mask(frames, generator) for _ in range(size)])
    # A tracker knows a stranger's neutral face only roughly, so motion is relative to the mean of the prompt.
    known = torch.where(hidden.all(dim=1, keepdim=True), True, ~hidden).unsqueeze(-1)
    motion = motion - (motion * known).sum(dim=1, keepdim=True) / known.sum(dim=1, keepdim=True)
    noise = torch.randn(motion.shape, generator=generator)
    slow = torch.nn.functional.avg_pool1d(noise.transpose(1, 2), SLOW, 1, SLOW // 2).transpose(1, 2)
    level = torch.rand(size, 1, 1, generator=generator) * 0.3 * exact[:, None, None]
    fast = torch.randn(motion.shape, generator=generator)
    return Batch(audio, motion, motion + level * (0.6 * fast + slow * SLOW**0.5), hidden, phones)


def hide_sound(audio: Tensor, random: np.random.Generator) -> None:
    """Blanks bands and moments of stacked features (2T, 67) and warps their mel axis, in place (SpecAugment,
    Park et al. 2019)."""
    shift, stretch = random.uniform(-2, 2), random.uniform(0.94, 1.06)
    at = torch.arange(MEL_BINS) * stretch + shift
    low = at.floor().clamp(0, MEL_BINS - 2).long()
    part = (at - low).clamp(0, 1)
    audio[:, :MEL_BINS] = audio[:, low] * (1 - part) + audio[:, low + 1] * part
    for _ in range(random.integers(0, 3)):
        width = int(random.integers(2, 12))
        start = int(random.integers(0, MEL_BINS - width))
        audio[:, start : start + width] = 0
    for _ in range(random.integers(0, 4)):
        width = int(random.integers(2, 12))
        start = int(random.integers(0, audio.shape[0] - width))
        audio[start : start + width, :MEL_BINS] = 0
    if random.random() < 0.3:
        audio[:, MEL_BINS] = 0  # pitch tracking fails
    audio[:, :MEL_BINS] += torch.from_numpy(
        random.normal(0, random.uniform(0, 0.3), (audio.shape[0], MEL_BINS)).astype(np.float32)
    )
