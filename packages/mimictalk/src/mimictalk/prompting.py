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
        None if no stretch lasts a second, or the mouth is covered: a still mouth beside speech is no style.
    """
    if features is None or not mouth_moves(track):
        return None
    from talk_motion import MotionPrompt

    frames = min(features.frames, len(track.coeffs.expression))
    start, stop = longest_run(track.coeffs.confidence[:frames] >= TRUSTED)
    if stop - start < SHORTEST:
        return None
    motion = motion_from_coeffs(track.coeffs, track.fps)
    return MotionPrompt(features.slice(start, stop), motion.slice(start, stop))


def mouth_moves(track: "FaceTrack") -> bool:
    """Whether the lips of the tracked face open and close, by the measure of the tracker's own warning."""
    from face3dmm.clip_remarks import MOUTH_MOVES
    from face3dmm.landmarks import mouth_opening

    seen = track.coeffs.confidence >= TRUSTED
    return bool(seen.any()) and float(mouth_opening(track.landmarks[seen][..., :2]).std()) >= MOUTH_MOVES


def longest_run(good: Tensor) -> tuple[int, int]:
    """First and one past the last index of the longest run of True in (T,) bool; (0, 0) if there is none."""
    edges = torch.diff(torch.nn.functional.pad(good.int(), (1, 1)))
    starts, stops = torch.nonzero(edges > 0).flatten(), torch.nonzero(edges < 0).flatten()
    if not len(starts):
        return 0, 0
    best = int((stops - starts).argmax())
    return int(starts[best]), int(stops[best])
