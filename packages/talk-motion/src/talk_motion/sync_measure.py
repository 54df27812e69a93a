"""Offset between picture and sound, with a confidence.

The definitions of SyncNet (Chung & Zisserman 2016, section 3): the distance between what is heard and what
is seen, averaged over a clip, for every shift within +-15 frames. The offset is the shift of the least
distance (LSE-D is that distance); the confidence (LSE-C) is the median over the shifts minus the least.
Distances here are between unit vectors, 0 to 2: the figures cannot be compared with those of other experts.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from .errors import InputError
from .features import AudioFeatures
from .sync import SyncExpert, near_voice
from .sync_network import REACH, cosines

FARTHEST = 15  # frames
PART = 100  # frames of a sub-clip
FEWEST = 2 * (FARTHEST + REACH) + 6  # frames of a clip that has enough moments with every shift


@dataclass(frozen=True)
class SyncMeasure:
    """How a mouth and a sound go together.

    Attributes:
        offset_frames: frames (40 ms) by which the mouth comes after its sound, -15 to 15; None where nobody
            speaks. Trust it only with the confidence.
        confidence: median minus least distance over the shifts; near 0 where nothing fits or nobody speaks.
        distance: least mean distance, 0 to 2; None where nobody speaks.
        curve: (31,) mean distance at offsets -15 to 15.
        trusted: the confidence is above what 99 % of synthetic voices reach with another clip's sound.
        agreement: share of sub-clips of 4 s whose own offset lies within a frame of the clip's, 0 to 1.
    """

    offset_frames: int | None
    confidence: float
    distance: float | None
    curve: Tensor
    agreement: float
    trusted: bool


@torch.no_grad()
def measure_sync(
    features: AudioFeatures,
    motion: Tensor,
    *,
    seen: Tensor | None = None,
    expert: SyncExpert | None = None,
) -> SyncMeasure:
    """Finds the offset between a clip's picture and sound.

    Args:
        features: sound of T motion frames.
        motion: (T, 64) expressions, or (T,) mouth openings in face heights (less certain).
        seen: (T,) bool, frames in which the face was found; default: all.
        expert: default: the one that ships with the package.

    Returns:
        The measure over the whole clip.

    Raises:
        InputError: fewer than 50 frames, motion of another length or shape, or not finite where seen.
    """
    expert = expert or _shipped()
    seen = torch.ones(len(motion), dtype=torch.bool) if seen is None else torch.as_tensor(seen).bool()
    _check(features, motion, seen)
    audio = features.stack().unsqueeze(0)
    # What lies in an unseen frame must not reach the mean and deviation of the clip.
    filled = torch.where(seen if motion.ndim == 1 else seen[:, None], motion, motion[seen].mean(dim=0))
    sound = expert.network.encode_sound(audio)
    mouth = expert.network.encode_motion(expert.channels(filled.float().unsqueeze(0)))
    distances = (2 - 2 * cosines(sound, mouth, FARTHEST)[0]).clamp(min=0).sqrt()  # (31, T), d = -15 .. 15
    # Every shift is judged on the same frames; near the ends some shifts have no sound.
    usable = seen & (near_voice(audio)[0] > 0) & distances.isfinite().all(dim=0)
    if not usable.any():
        return SyncMeasure(None, 0.0, None, torch.full((2 * FARTHEST + 1,), 2**0.5), 0.0, False)
    distances = distances.flip(0)  # sound after the mouth by d is a mouth that comes by -d after its sound
    curve = distances[:, usable].mean(dim=1)
    best = int(curve.argmin())
    parts = []
    for at in range(0, len(motion), PART):
        inside = usable[at : at + PART]
        if int(inside.sum()) >= PART // 2:
            parts.append(int(distances[:, at : at + PART][:, inside].mean(dim=1).argmin()))
    agreement = sum(abs(part - best) <= 1 for part in parts) / max(1, len(parts))
    least = float(curve[best])
    confidence = float(curve.median()) - least
    # Chance falls with the root of the length; longer clips get no discount, because styles differ.
    shorter = max(1.0, expert.card["stranger_frames"] / int(usable.sum())) ** 0.5
    trusted = confidence > shorter * expert.card["stranger_confidence"]
    return SyncMeasure(best - FARTHEST, confidence, least, curve, agreement, trusted)


@cache
def _shipped() -> SyncExpert:
    return SyncExpert.from_pretrained()


def _check(features: AudioFeatures, motion: Tensor, seen: Tensor) -> None:
    if motion.ndim not in (1, 2) or (motion.ndim == 2 and motion.shape[1] != 64):
        raise InputError(
            "motion", f"has shape {tuple(motion.shape)}", "Give (T, 64) expressions or (T,) openings."
        )
    frames = len(motion)
    if features.frames != frames or seen.shape != (frames,):
        cause = f"{features.frames} frames of sound, {frames} of motion, {len(seen)} marks of what was seen"
        raise InputError("motion", cause, "Extract features with frames=len(motion).")
    if frames < FEWEST:
        raise InputError("motion", f"{frames} frames, fewer than {FEWEST}", "Give at least 2 s of speech.")
    if not seen.any() or not torch.isfinite(motion[seen]).all():
        raise InputError("motion", "holds no number, or numbers that are not finite", "Track the clip again.")
