"""Measures of motion over two tracked clips: coefficients, key points, the mouth, and mouth beside sound."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mimictalk.evaluating.clips import Clip
from mimictalk.evaluating.figures import Figure

if TYPE_CHECKING:
    from talk_motion import AudioFeatures

FRAME_MS = 40.0
LEAST_AGREEMENT = 0.3  # correlation of the true mouth with its sound below which no offset can be told
KEYS = ("aed", "apd", "akd", "lmd", "mouth_correlation")


@dataclass(frozen=True, eq=False)
class Mouths:
    """Curves over the compared frames, NaN where a face was not seen.

    Attributes:
        true: (T,) mouth opening of the clip, in distances between the eyes.
        output: (T,) of the output.
        loudness: (T,) of the sound in dB, or None without sound.
    """

    true: NDArray[np.float64]
    output: NDArray[np.float64]
    loudness: NDArray[np.float64] | None


def compare_faces(true: Clip, output: Clip, count: int, *, cross: bool) -> dict[str, Figure]:
    """AED, APD, AKD, LMD and the mouth, over the frames in which both faces are seen.

    The face model's identity is the true clip's in both where it is the same person, so that the shape of a
    face is not taken for an expression; each clip's own across identities.
    """
    from face3dmm import metrics

    seen = true.seen(count) & output.seen(count)
    figures = {"faces_found": Figure("faces_found", float(output.seen(count).mean()))}
    if output.track is None or true.track is None or not seen.any():
        reason = output.lost or "no frame shows both faces"
        return figures | {key: Figure(key, None, reason) for key in KEYS}
    a = true.coeffs(count)
    b = output.coeffs(count, None if cross else a.identity)
    points = [metrics.keypoints_68(clip.landmarks(count))[seen] for clip in (true, output)]
    values = {
        "aed": metrics.average_expression_distance(a.expression[seen], b.expression[seen]),
        "apd": metrics.average_pose_distance(a.euler[seen], b.euler[seen]),
        "akd": metrics.average_keypoint_distance(*points),
        "lmd": metrics.landmark_distance(*points),
        "mouth_correlation": metrics.correlation(opening(output, count), opening(true, count)),
    }
    return figures | {key: Figure(key, value) for key, value in values.items()}


def opening(clip: Clip, count: int) -> NDArray[np.float64]:
    """(count,) mouth opening in distances between the eyes; NaN where the face was not seen."""
    from face3dmm.landmarks import mouth_opening

    curve = np.full(count, np.nan)
    if clip.track is not None:
        seen = clip.seen(count)
        curve[seen] = mouth_opening(clip.landmarks(count)[..., :2])[seen].numpy()
    return curve


def sound_features(path: Path, first: int, count: int) -> "AudioFeatures | None":
    """Features of `count` motion frames from a frame on; None where the file has no usable sound."""
    from mimictalk.sound import has_sound
    from talk_motion.audio import read_audio
    from talk_motion.errors import InputError as SoundError
    from talk_motion.features import extract_features

    if not has_sound(path):
        return None
    try:
        features = extract_features(read_audio(path).samples, frames=first + count)
    except SoundError:
        return None
    return features.slice(first, first + count)


def loudness(features: "AudioFeatures") -> NDArray[np.float64]:
    """(T,) loudness in dB, one value per motion frame."""
    return features.energy.reshape(-1, 2).mean(1).double().numpy()


def compare_sync(clip: Clip, features: "AudioFeatures | None", count: int) -> dict[str, Figure]:
    """Sync-C and Sync-D of talk-motion's expert; unlike SyncNet's they lie between unit vectors."""
    import torch

    from talk_motion.errors import InputError as SoundError
    from talk_motion.sync_measure import measure_sync

    keys = ("sync_confidence", "sync_distance")
    if features is None or clip.track is None:
        reason = "there is no sound to compare with" if features is None else clip.lost
        return {key: Figure(key, None, reason) for key in keys}
    motion = clip.track.coeffs.expression[clip.first : clip.first + count]
    try:
        got = measure_sync(features, motion, seen=torch.from_numpy(clip.seen(count)))
    except SoundError as error:
        return {key: Figure(key, None, error.cause) for key in keys}
    if got.distance is None:
        return {key: Figure(key, None, "nobody speaks") for key in keys}
    return {key: Figure(key, value) for key, value in zip(keys, (got.confidence, got.distance), strict=True)}


def compare_sound(mouths: Mouths) -> dict[str, Figure]:
    """The mouth's opening against the loudness: a coarse guess, beside the true clip's own values."""
    from face3dmm.metrics import agreement

    figures: dict[str, Figure] = {}
    keys = ("av_offset", "av_correlation")
    if mouths.loudness is None:
        return figures | {key: Figure(key, None, "there is no sound to compare with") for key in keys}
    made, true = (agreement(curve, mouths.loudness) for curve in (mouths.output, mouths.true))
    if not np.isfinite(made.at_lag):
        return figures | {key: Figure(key, None, "no mouth was seen in the output") for key in keys}
    weak = f"the true mouth follows its own loudness too little (r = {true.at_lag:.2f}) to tell an offset"
    figures["av_offset"] = (
        Figure("av_offset", made.lag * FRAME_MS, true=true.lag * FRAME_MS)
        if true.at_lag >= LEAST_AGREEMENT
        else Figure("av_offset", None, weak)
    )
    figures["av_correlation"] = Figure("av_correlation", made.at_lag, true=true.at_lag)
    return figures
