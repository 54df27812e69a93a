"""Sound that is late or early beside its picture, moved to where it belongs.

An offset is in motion frames of 40 ms and says by how many the mouth comes after its sound, as in
`talk_motion.sync_measure`: -15 is sound that is 0.6 s late.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from face3dmm import FaceTrack

FRAME_SAMPLES = 640  # of a frame at 16 kHz


def moved(samples: np.ndarray, offset: int) -> np.ndarray:
    """Samples (n,) at 16 kHz moved by an offset: late sound loses its beginning, early sound gets silence
    before it."""
    if offset <= 0:
        return samples[-offset * FRAME_SAMPLES :]
    return np.concatenate([np.zeros(offset * FRAME_SAMPLES, samples.dtype), samples])


def heard_part(track: "FaceTrack", offset: int) -> "FaceTrack":
    """The track with its first frames not to be used where early sound was moved: there is no sound there."""
    if offset <= 0:
        return track
    confidence = track.coeffs.confidence.clone()
    confidence[:offset] = 0
    return replace(track, coeffs=replace(track.coeffs, confidence=confidence))
