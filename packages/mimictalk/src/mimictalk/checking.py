"""The verdict on a reference clip before any training: usable or not, and what is odd about it."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mimictalk.console import Progress
from mimictalk.errors import InputError
from mimictalk.sound import has_sound
from mimictalk.sound_check import has_speech, late_start

if TYPE_CHECKING:
    from face3dmm import FaceTrack
    from talk_motion import AudioFeatures

CHECK_SECONDS = 60.0
GOOD_SECONDS = 10.0
PICTURES = {b"\x89PNG": "PNG", b"\xff\xd8\xff": "JPEG", b"GIF8": "GIF", b"BM": "BMP", b"RIFF....WEBP": "WebP"}


@dataclass(frozen=True)
class Verdict:
    """What is known about a usable clip.

    Attributes:
        facts: For `--json`.
        warnings: What is odd, in words.
        track: Of the first minute.
        features: Of the sound; None where there is no speech to learn a style from.
    """

    facts: dict[str, Any]
    warnings: tuple[str, ...]
    track: "FaceTrack"
    features: "AudioFeatures | None" = field(default=None)


def check_reference(path: Path, progress: Progress | None = None) -> Verdict:
    """Look at a clip as `adapt` will: pictures, faces, sound. At most its first minute, to be quick.

    Raises:
        InputError: If an avatar cannot be made from it (of this package or of the library that noticed).
    """
    check_is_video(path)
    from face3dmm import track_video

    track = track_video(path, max_seconds=CHECK_SECONDS, progress=progress)
    frames = len(track.coeffs.expression)
    warnings = list(track.warnings)
    seconds = frames / track.fps
    if seconds < GOOD_SECONDS:
        warnings.append(
            f"the clip is short ({seconds:.1f} s): 20 s or more of talking give a better likeness"
        )
    features, heard = check_clip_sound(path)
    facts = {"video": str(path), "seconds": seconds, "frames": frames, "speech": features is not None}
    return Verdict(facts, (*warnings, *heard), track, features)


def check_clip_sound(path: Path) -> tuple["AudioFeatures | None", tuple[str, ...]]:
    """Features of a clip's speech, or None, and what is odd about its sound."""
    from talk_motion import extract_features
    from talk_motion.audio import read_audio
    from talk_motion.errors import InputError as SoundError

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


def check_is_video(path: Path) -> None:
    """Refuse what is no video file before any decoder sees it.

    Raises:
        InputError: For a missing or empty file, a folder, a pipe or device, or a picture.
    """
    if not path.exists():
        raise InputError(path, "there is no such file", "Check the name.")
    if not path.is_file():
        raise InputError(path, "it is not a regular file", "Give a video file such as REF.mp4.")
    with path.open("rb") as file:
        head = file.read(16)
    if not head:
        raise InputError(path, "the file is empty", "Copy or download it again.")
    for magic, kind in PICTURES.items():
        if head.startswith(magic[:4]) and (kind != "WebP" or head[8:12] == b"WEBP"):
            raise InputError(
                path, f"it is a picture ({kind}), not a video", "Give a clip of the person talking."
            )
