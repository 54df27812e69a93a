"""What does a clip show of the person: how far the head turns, and which shapes the mouth takes?"""

from typing import TYPE_CHECKING

import numpy as np

from mimictalk.judgement import GO, NO_GO, WARN, Judgement

if TYPE_CHECKING:
    from face3dmm import FaceTrack

STILL = 3.0  # degrees between the outermost turns; a news presenter's head covers 4
SIDEWAYS, PROFILE = 25.0, 45.0  # degrees that the head is turned away most of the time
LEAST_FRAMES = 8  # a third of a second of a shape is enough to learn it from
# Shapes that differ on the outside, by the visemes that show them, and what makes a person show them.
SHAPES: dict[str, tuple[tuple[str, ...], str]] = {
    "closed": (("sil", "PP"), "Mama, papa, a big blue bubble"),
    "teeth on lip": (("FF",), "five very vivid waffles"),
    "wide": (("SS", "E", "ih"), "see these cheeses, please"),
    "round": (("CH", "RR", "oh", "ou"), "who knew you chose two rooms"),
    "open": (("aa", "E", "oh"), "ah, father's car is far apart"),
}


def judge_motion(track: "FaceTrack", *, long_enough: bool = True) -> list[Judgement]:
    """Judge the motion of a tracked clip, over the frames in which the face was seen.

    Args:
        track: Of the clip.
        long_enough: Nobody shows everything in a few seconds: of a short clip only its length is to blame.
    """
    pose = judge_pose(track, still=STILL if long_enough else 0.0)
    return [pose, judge_mouth(track)] if long_enough else [pose]


def judge_pose(track: "FaceTrack", *, still: float = STILL) -> Judgement:
    """Judge how far the head turns and nods; below `still` degrees it counts as not turning."""
    seen = (track.coeffs.confidence > 0).numpy()
    pitch, yaw = np.rad2deg(track.coeffs.euler.numpy()[seen, :2]).T
    low, middle, high = np.percentile(yaw, [2, 50, 98])
    down, up = np.percentile(pitch, [2, 98])
    numbers = {
        name: round(float(value), 1)
        for name, value in (("yaw_from", low), ("yaw_to", high), ("pitch_from", down), ("pitch_to", up))
    }
    found = f"turns from {low:.0f} to {high:.0f} degrees, nods from {down:.0f} to {up:.0f}"
    face = "Look into the camera while you speak."
    if abs(middle) > PROFILE:
        return Judgement("pose", NO_GO, f"the face is seen from the side: it {found}", face, numbers)
    if abs(middle) > SIDEWAYS:
        return Judgement("pose", WARN, f"the face is mostly turned away: it {found}", face, numbers)
    if high - low < still:
        cure = "Turn the head a little to both sides while you speak: views that are not shown are guessed."
        return Judgement("pose", WARN, f"the head hardly turns: it {found}", cure, numbers)
    return Judgement("pose", GO, found, numbers=numbers)


def judge_mouth(track: "FaceTrack") -> Judgement:
    """Judge which mouth shapes are shown."""
    shown = mouth_shapes(track)
    numbers = {name: round(frames / track.fps, 2) for name, frames in shown.items()}
    found = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in numbers.items())
    missing = [name for name, frames in shown.items() if frames < LEAST_FRAMES]
    if not missing:
        return Judgement("mouth shapes", GO, found, numbers=numbers)
    said = "; ".join(f'"{SHAPES[name][1]}"' for name in missing)
    words = f"hardly any mouth that is {' or '.join(missing)} ({found})"
    return Judgement("mouth shapes", WARN, words, f"Say also, clearly: {said}.", numbers)


def mouth_shapes(track: "FaceTrack") -> dict[str, int]:
    """Frames that show each of `SHAPES`: the strongest viseme of a frame says which."""
    import torch

    from mimictalk.tracked_motion import motion_from_coeffs
    from talk_motion.visemes import VISEMES, visemes_of

    weights = visemes_of(motion_from_coeffs(track.coeffs, track.fps)).weights
    strongest = weights[track.coeffs.confidence > 0].argmax(1)
    counts = dict(zip(VISEMES, torch.bincount(strongest, minlength=len(VISEMES)).tolist(), strict=True))
    return {shape: sum(counts[viseme] for viseme in visemes) for shape, (visemes, _) in SHAPES.items()}
