"""A talking style for the motion model: sound and tracked motion of the same frames of a clip."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from mimictalk.tracked_motion import motion_from_coeffs

if TYPE_CHECKING:
    from face3dmm import FaceTrack
    from talk_motion import AudioFeatures, MotionPrompt

SHORTEST = 25  # frames; less shows no habit
TRUSTED = 0.5  # confidence from which a frame was seen, or bridged over a short gap


def prompt_from_track(track: "FaceTrack", features: "AudioFeatures | None") -> "MotionPrompt | None":
    """The longest stretch of a clip with both speech and a face.

    Args:
        track: Of the clip; frames in which the face was lost end a stretch.
        features: Of the clip's sound, from its first frame on; None where there is no speech.

    Returns:
        None if no stretch lasts a second.
    """
    if features is None:
        return None
    from talk_motion import MotionPrompt

    frames = min(features.frames, len(track.coeffs.expression))
    start, stop = longest_run(track.coeffs.confidence[:frames] >= TRUSTED)
    if stop - start < SHORTEST:
        return None
    motion = motion_from_coeffs(track.coeffs, track.fps)
    return MotionPrompt(features.slice(start, stop), motion.slice(start, stop))


def longest_run(good: Tensor) -> tuple[int, int]:
    """First and one past the last index of the longest run of True in (T,) bool; (0, 0) if there is none."""
    edges = torch.diff(torch.nn.functional.pad(good.int(), (1, 1)))
    starts, stops = torch.nonzero(edges > 0).flatten(), torch.nonzero(edges < 0).flatten()
    if not len(starts):
        return 0, 0
    best = int((stops - starts).argmax())
    return int(starts[best]), int(stops[best])
