"""The verdict on a reference clip before any training: go, warn or no-go, each with its cure."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mimictalk.clip_sound import read_clip_sound
from mimictalk.console import Progress
from mimictalk.durations import show_duration
from mimictalk.errors import InputError
from mimictalk.examination import examine
from mimictalk.judgement import GO, NO_GO, WARN, Judgement, worst
from mimictalk.media import duration
from mimictalk.motion_check import judge_motion
from mimictalk.picture_check import judge_pictures
from mimictalk.sync_check import check_sync
from mimictalk.track_remarks import judge_remarks

if TYPE_CHECKING:
    from face3dmm import FaceTrack
    from talk_motion import AudioFeatures

LONGEST_SECONDS = 60.0  # frames of one clip are held in memory: 60 s are 1.2 GB
GOOD_SECONDS = 10.0
PICTURES = {b"\x89PNG": "PNG", b"\xff\xd8\xff": "JPEG", b"GIF8": "GIF", b"BM": "BMP"}


@dataclass(frozen=True)
class Verdict:
    """What is known about a clip in which a person could be followed.

    Attributes:
        facts: For `--json`.
        warnings: What is odd, in words.
        track: Of the part that is used.
        features: Of the sound as it is; None where there is no speech to learn a style from.
        judgements: All that was looked at; the warnings are in it with their cures.
        sound_offset: Frames by which the sound has to be moved (see `sound_alignment`).
    """

    facts: dict[str, Any]
    warnings: tuple[str, ...]
    track: "FaceTrack"
    features: "AudioFeatures | None" = field(default=None)
    judgements: tuple[Judgement, ...] = ()
    sound_offset: int = 0

    @property
    def grade(self) -> str:
        """The worst of the judgements."""
        return worst(self.judgements)

    def cure(self, warning: str) -> str:
        """What to do about a warning; empty where nothing is known."""
        return next((one.cure for one in self.judgements if one.found == warning), "")

    def refuse_no_go(self, path: Path) -> None:
        """Say what is wrong with a clip that no avatar can be made from.

        Raises:
            InputError: If there is such a thing.
        """
        for one in self.judgements:
            if one.grade == NO_GO:
                raise InputError(path, one.found, one.cure)


def check_reference(
    path: Path,
    progress: Progress | None = None,
    max_seconds: float | None = None,
    opened: Callable[[], None] = lambda: None,
) -> Verdict:
    """Look at a clip as `adapt` will: pictures, faces, sound.

    Args:
        path: The clip.
        progress: Called with (stage, done, total, numbers).
        max_seconds: Look at the beginning only; at most the first minute is used in any case.
        opened: Called once the file is known to be a video that can be decoded.

    Raises:
        InputError: If nobody can be followed in it (of this package or of the library that noticed).
    """
    refuse_picture(path)
    examine(path)
    opened()
    from face3dmm import read_crops, track_video

    limit = min(max_seconds or LONGEST_SECONDS, LONGEST_SECONDS)
    track = track_video(path, max_seconds=limit, progress=progress)
    frames = len(track.coeffs.expression)
    seconds = frames / track.fps
    whole = 0.0 if max_seconds is not None else duration(path)
    judgements = [*judge_remarks(track.warnings), judge_length(seconds, whole, limit)]
    seen = (track.coeffs.confidence > 0).numpy()
    pictures = read_crops(path, track.crop, max_seconds=limit)
    judgements += judge_pictures(pictures, track.landmarks.numpy(), seen, track.crop[2])
    judgements += judge_motion(track, long_enough=seconds >= GOOD_SECONDS)
    sound = read_clip_sound(path)
    judgements += sound.judgements()
    facts = {"video": str(path), "seconds": seconds, "frames": frames, "speech": sound.samples is not None}
    offset = 0
    if sound.samples is not None:
        sync = check_sync(sound.features_at, track)
        judgements.append(sync.judgement)
        facts, offset = facts | sync.facts, sync.offset
    warnings = tuple(one.found for one in judgements if one.grade == WARN)
    return Verdict(facts, warnings, track, sound.features, tuple(judgements), offset)


def judge_length(seconds: float, whole: float, limit: float) -> Judgement:
    """Judge how much of a clip there is.

    Args:
        seconds: What is used.
        whole: What the file holds, where more would have been used; else 0.
        limit: The most that is used.
    """
    numbers = {"seconds": round(seconds, 2)}
    if whole > limit + 1:
        words = f"the clip is long ({show_duration(whole)}): only its first {limit:.0f} s are used"
        return Judgement("length", WARN, words, "Cut it so that it begins with its best minute.", numbers)
    if seconds < GOOD_SECONDS:
        words = f"the clip is short ({seconds:.1f} s): 20 s or more of talking give a better likeness"
        return Judgement("length", WARN, words, "Film 20 s or more.", numbers)
    return Judgement("length", GO, f"{seconds:.1f} s", numbers=numbers)


def check_clip_sound(path: Path, offset: int = 0) -> tuple["AudioFeatures | None", tuple[str, ...]]:
    """Features of a clip's speech moved by an offset (see `sound_alignment`), or None, and what is odd about
    its sound."""
    sound = read_clip_sound(path)
    return (None if sound.samples is None else sound.features_at(offset)), sound.warnings


def refuse_picture(path: Path) -> None:
    """Say what is wrong when a picture is given where a clip is needed; a video decoder would only stutter.

    Raises:
        InputError: If the file begins as a picture does.
    """
    if not path.is_file():
        return
    with path.open("rb") as file:
        head = file.read(12)
    kind = next((kind for magic, kind in PICTURES.items() if head.startswith(magic)), None)
    if head[:4] == b"RIFF" and head[8:] == b"WEBP":
        kind = "WebP"
    if kind is not None:
        raise InputError(path, f"it is a picture ({kind}), not a video", "Give a clip of the person talking.")
