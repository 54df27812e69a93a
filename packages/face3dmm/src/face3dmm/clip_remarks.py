"""What is odd about a tracked clip, in words a user can act on."""

from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from face3dmm.errors import InputError
from face3dmm.fit import FitConfig, fit_landmarks
from face3dmm.landmarks import face_width, mouth_opening
from face3dmm.model import FaceModel
from face3dmm.survey import Survey
from face3dmm.track import spans
from face3dmm.video import VideoReader

MIN_SEEN = 0.5  # share of the frames that must show the face
SMALL_FACE = 160  # pixels of the source: below it an avatar of 512 pixels is blurred
DARK = 40  # of 255
STILL = 0.05  # mean difference of frames, of 255
STILL_SECONDS = 1.0
CUT = 12  # mean difference of frames at a cut, of 255
# Shapes of one person from different seconds differ by up to 0.0125 face widths, of different people by
# 0.007 to 0.018 (five people, seven pairs of seconds each): only the large ones are certain.
OTHER_PERSON = 0.014
MAYBE_OTHER_PERSON = 0.006
_KEY_FRAMES = 12
# A careful fit, which the limits above belong to: one person must come out alike from other frames.
_PERSON = FitConfig(
    noise=0.01, outlier=4.0, lips=5.0, eyes=3.0, gap_share=1.0, key_frames=_KEY_FRAMES, steps=(6, 1)
)
_LONG_GAP = 10  # frames
MOUTH_MOVES = 0.006  # standard deviation of the opening, in distances between the eyes


def check_seen(reader: VideoReader, seen: Tensor) -> None:
    """Refuse a clip in which the face is not there for most of the time.

    Raises:
        InputError: See above.
    """
    share = float(seen.float().mean())
    if share >= MIN_SEEN:
        return
    if share == 0:
        cause = "no face could be followed in it"
    else:
        cause = f"no face is seen in {1 - share:.0%} of it ({_spans_in_words(~seen, reader.fps)})"
    raise InputError(reader.path, cause, "Give a clip that shows one person's face, turned to the camera.")


def check_moving(reader: VideoReader, found: Survey) -> None:
    """Refuse a clip in which nothing moves.

    Raises:
        InputError: See above.
    """
    if float((found.changes[1:] < STILL).mean()) > 0.9:
        cure = "Give a clip of the person talking."
        raise InputError(reader.path, "it is a still picture: nothing moves in it", cure)


def check_identity(
    reader: VideoReader, model: FaceModel, landmarks: Tensor, seen: Tensor, found: Survey
) -> str:
    """Compare the faces before and after each cut.

    Returns:
        A remark on a cut after which it might be another person, or "".

    Raises:
        InputError: If it surely is another person.
    """
    cuts = _cuts(found.changes[: len(seen)], seen)
    bounds = [0, *cuts, len(seen)] if cuts else []
    shapes: list[tuple[int, Tensor]] = []
    for first, last in pairwise(bounds):
        usable = torch.nonzero(seen[first:last]).flatten() + first
        if len(usable) >= _KEY_FRAMES:
            shapes.append((first, _person_shape(model, landmarks[usable])))
    for (_, one), (start, other) in pairwise(shapes):
        apart = shape_distance(one, other)
        when = f"{start / reader.fps:.1f} s"
        if apart > OTHER_PERSON:
            cure = "Cut the clip so that it shows one person only."
            raise InputError(reader.path, f"from {when} on another person is shown", cure)
        if apart > MAYBE_OTHER_PERSON:
            return f"there is a cut at {when}: if another person is shown from there on, cut the clip"
    return ""


def shape_distance(one: Tensor, other: Tensor) -> float:
    """How different two faces are, in face widths: RMS distance after the best similarity (Umeyama 1991).

    Args:
        one, other: (468, 3) landmarks at rest.
    """
    a, b = (shape - shape.mean(0) for shape in (one, other))
    a, b = a / a.norm(), b / b.norm()
    u, _, vt = torch.linalg.svd(a.T @ b)
    rms = (a @ (u @ vt) - b).square().sum(-1).mean().sqrt()
    return float(rms / face_width(b))


def remarks(
    reader: VideoReader, found: Survey, landmarks: Tensor, seen: Tensor, confidence: Tensor
) -> list[str]:
    """What is odd about a clip that can be used."""
    fps, size = reader.fps, found.person.side()
    odd = list(reader.warnings)
    if found.others:
        count = len(found.others) + 1
        odd.append(f"{count} faces are in the picture: the {_place(found)} one is followed")
    if bool((confidence == 0).any()):
        odd.append(f"no face is seen {_spans_in_words(confidence == 0, fps)}: these frames are left out")
    frozen = _frozen(found.changes[: len(seen)], seen, round(STILL_SECONDS * fps))
    if bool(frozen.any()):
        odd.append(f"the picture is frozen {_spans_in_words(frozen, fps)}")
    if size < SMALL_FACE:
        odd.append(f"the face is small ({size:.0f} pixels): the avatar will be blurred")
    if found.brightness < DARK:
        odd.append("the face is very dark: film it in better light for a better likeness")
    if float(mouth_opening(landmarks[seen][..., :2]).std()) < MOUTH_MOVES:
        odd.append("the mouth hardly moves or is covered: there is no speech to learn from")
    return odd


def _person_shape(model: FaceModel, landmarks: Tensor) -> Tensor:
    """Landmarks at rest (468, 3) of the person in some frames."""
    chosen = torch.linspace(0, len(landmarks) - 1, _KEY_FRAMES).round().long()
    coeffs = fit_landmarks(model, landmarks[chosen], config=_PERSON)
    shape = model.mean + model.identity_basis @ coeffs.identity
    return shape[model.landmarks_468]


def _cuts(changes: np.ndarray, seen: Tensor) -> list[int]:
    """Frames at which another shot may begin: the picture jumps, or the face comes back after a while."""
    usual = float(np.median(changes))
    jumps = np.flatnonzero(changes > max(CUT, 8 * usual)).tolist()
    returns = [
        last for first, last in spans(~seen) if last - first > _LONG_GAP and first > 0 and last < len(seen)
    ]
    return sorted({*jumps, *returns})


def _frozen(changes: np.ndarray, seen: Tensor, least: int) -> Tensor:
    still = torch.from_numpy(changes < STILL) & seen
    for first, last in spans(still):
        if last - first < least:
            still[first:last] = False
    return still


def _place(found: Survey) -> str:
    own = float(np.median(found.person.centres()[:, 0]))
    others = [float(np.median(other.centres()[:, 0])) for other in found.others]
    return "left" if own < min(others) else "right" if own > max(others) else "middle"


def _spans_in_words(marked: Tensor, fps: float) -> str:
    """At most three runs of marked frames: "from 3.0 to 7.0 s, ..."."""
    runs = sorted(sorted(spans(marked), key=lambda run: run[0] - run[1])[:3])
    words = [f"from {first / fps:.1f} to {last / fps:.1f} s" for first, last in runs]
    return ", ".join(words) + (" and more" if len(spans(marked)) > 3 else "")
