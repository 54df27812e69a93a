"""An avatar that copies a clip, to be compared with it: with the clip's own head pose, as published."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mimictalk import __version__
from mimictalk.avatar import Avatar
from mimictalk.evaluating.clips import SIZE, Window, through
from mimictalk.marks import Mark, now
from mimictalk.tracked_motion import SAME_PERSON_RATIO, fit_to_avatar, motion_from_coeffs

if TYPE_CHECKING:
    from face3dmm import FaceTrack
    from mimictalk.console import Console, Progress

HELD_OUT_FRAMES = 25  # less than a second of unseen frames says nothing


def is_own_clip(avatar: Avatar, track: "FaceTrack") -> bool:
    """Whether the avatar was learned from the very file that was tracked."""
    return avatar.manifest.source.get("sha256") == track.source_hash


def held_out(avatar: Avatar, track: "FaceTrack", console: "Console") -> int:
    """The frame that evaluation starts with: of the avatar's own clip the first it has not learned from."""
    learned = int(avatar.manifest.meta.get("frames", 0))
    if not is_own_clip(avatar, track):
        return 0
    if len(track) - learned >= HELD_OUT_FRAMES:
        console.note(f"the avatar's own clip: judged on the frames from {learned}, which it has not seen")
        return learned
    console.warn(
        "the avatar has learned from these very frames: the figures say how well it remembers, not how well "
        "it generalises (hold some back with adapt --first TIME)"
    )
    return 0


def own_window(avatar: Avatar, path: Path) -> Window:
    """The square that adaptation looked through when it learned from the first frames of this clip."""
    from face3dmm import open_video
    from face3dmm.survey import survey

    learned = avatar.manifest.meta.get("frames")
    seconds = None if learned is None else int(learned) / avatar.manifest.fps
    return survey(open_video(path, max_seconds=seconds)).crop


def copy_motion(
    avatar: Avatar, track: "FaceTrack", window: Window, first: int, out: Path, console: "Console", cross: bool
) -> None:
    """Render the avatar with the face motion and the head pose of a tracked clip, without sound.

    Args:
        avatar: Who is drawn.
        track: Of the whole clip.
        window: The square of the clip that the frames are to be compared with.
        first: The frame to begin with.
        out: The mp4 to write, 512 x 512.
        console: For progress and notes.
        cross: Whether another person is expected in the clip.
    """
    from face3dmm import FaceModel, fit_landmarks
    from mimictalk.rendering import load_renderer
    from mimictalk.video_writer import VideoWriter

    seen = through(track, window)
    if seen is not track:
        confidence = track.coeffs.confidence
        coeffs = fit_landmarks(FaceModel.open_face(), seen.landmarks, SIZE, confidence=confidence)
        seen = replace(seen, coeffs=coeffs)
    coeffs, ratio = fit_to_avatar(seen, avatar.tensors()["face_identity"])
    console.note(f"driver against avatar: residual ratio {ratio:.2f}")
    if ratio > SAME_PERSON_RATIO and not cross:
        console.warn(
            "the face in the clip does not look like the avatar's: for another person use --protocol cross"
        )
    motion = motion_from_coeffs(coeffs, track.fps).slice(first, len(track))
    mark = Mark(f"mimictalk {__version__}", avatar.sha256, "video", now())
    renderer = load_renderer(avatar)
    with (
        console.progress() as progress,
        VideoWriter(out, None, leader="picture", metadata=mark.as_metadata()) as writer,
    ):
        for index, frame in enumerate(renderer.frames(motion)):
            writer.write(frame)
            progress("render", index + 1, len(motion.expression), {})


def track_output(path: Path, progress: "Progress") -> tuple["FaceTrack | None", str | None]:
    """Follow the face in a video that was made; a video without a face is a result, not an error."""
    from face3dmm import InputError, track_video

    try:
        return track_video(path, progress=progress), None
    except InputError as error:
        return None, f"no face can be followed in the output: {error.cause}"
