"""The verdict on a reference clip before any training: usable or not, and what is odd about it."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mimictalk.console import Progress
from mimictalk.durations import show_duration
from mimictalk.errors import InputError
from mimictalk.examination import examine
from mimictalk.media import duration
from mimictalk.sound import has_sound
from mimictalk.sound_check import has_speech, late_start
from mimictalk.sync_check import check_sync

if TYPE_CHECKING:
    from face3dmm import FaceTrack
    from talk_motion import AudioFeatures

LONGEST_SECONDS = 60.0  # frames of one clip are held in memory: 60 s are 1.2 GB
GOOD_SECONDS = 10.0
PICTURES = {b"\x89PNG": "PNG", b"\xff\xd8\xff": "JPEG", b"GIF8": "GIF", b"BM": "BMP"}


@dataclass(frozen=True)
class Verdict:
    """What is known about a usable clip.

    Attributes:
        facts: For `--json`.
        warnings: What is odd, in words.
        track: Of the part that is used.
        features: Of the sound; None where there is no speech to learn a style from.
    """

    facts: dict[str, Any]
    warnings: tuple[str, ...]
    track: "FaceTrack"
    features: "AudioFeatures | None" = field(default=None)


def check_reference(
    path: Path, progress: Progress | None = None, max_seconds: float | None = None
) -> Verdict:
    """Look at a clip as `adapt` will: pictures, faces, sound.

    Args:
        path: The clip.
        progress: Called with (stage, done, total, numbers).
        max_seconds: Look at the beginning only; at most the first minute is used in any case.

    Raises:
        InputError: If an avatar cannot be made from it (of this package or of the library that noticed).
    """
    refuse_picture(path)
    examine(path)
    from face3dmm import track_video

    limit = min(max_seconds or LONGEST_SECONDS, LONGEST_SECONDS)
    track = track_video(path, max_seconds=limit, progress=progress)
    frames = len(track.coeffs.expression)
    warnings = list(track.warnings)
    seconds = frames / track.fps
    whole = duration(path)
    if max_seconds is None and whole > limit + 1:
        warnings.append(f"the clip is long ({show_duration(whole)}): only its first {limit:.0f} s are used")
    if seconds < GOOD_SECONDS:
        warnings.append(
            f"the clip is short ({seconds:.1f} s): 20 s or more of talking give a better likeness"
        )
    features, heard = check_clip_sound(path)
    facts = {"video": str(path), "seconds": seconds, "frames": frames, "speech": features is not None}
    if features is not None:
        found, odd = check_sync(features, track)
        facts |= found
        heard = (*heard, *odd)
    return Verdict(facts, (*warnings, *heard), track, features)


def check_clip_sound(path: Path) -> tuple["AudioFeatures | None", tuple[str, ...]]:
    """Features of a clip's speech, or None, and what is odd about its sound."""
    from talk_motion.audio import read_audio
    from talk_motion.errors import InputError as SoundError
    from talk_motion.features import extract_features

    no_style = "the avatar gets no talking style of its own"
    if not has_sound(path):
        return None, (f"the clip has no sound: {no_style}",)
    try:
        clip = read_audio(path)
    except SoundError as error:
        return None, (f"{error.cause}: {no_style}",)
    warnings = list(clip.warnings)
    late = late_start(clip.samples, clip.sample_rate)
    if late:
        warnings.append(f"the sound begins with {late:.2f} s of nothing: it may be late against the picture")
    features = extract_features(clip.samples)
    if not has_speech(features):
        return None, (*warnings, f"no speech was found in the sound: {no_style}")
    return features, tuple(warnings)


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
