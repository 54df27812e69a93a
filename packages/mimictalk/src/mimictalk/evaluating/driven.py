"""Somebody who copies a clip, to be compared with it: with the clip's own head pose, as published."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mimictalk import __version__
from mimictalk.avatar import Avatar
from mimictalk.errors import InputError
from mimictalk.evaluating.clips import SIZE, Window, through
from mimictalk.marks import Mark, now
from mimictalk.tracked_motion import SAME_PERSON_RATIO, fit_to_avatar, motion_from_coeffs

if TYPE_CHECKING:
    from torch import Tensor

    from face3dmm import FaceTrack
    from mimictalk.console import Console, Progress

TOOL = f"mimictalk {__version__}"
HELD_OUT_FRAMES = 25  # less than a second of unseen frames says nothing


@dataclass(frozen=True, eq=False)
class Subject:
    """Who is drawn.

    Attributes:
        name: For tables.
        face_identity: (80,) of the face model.
        load_renderer: Gives something whose `frames(motion)` are (512, 512, 3) uint8.
        mark: What the video says about itself.
    """

    name: str
    face_identity: "Tensor"
    load_renderer: Callable[[], Any]
    mark: Mark

    @classmethod
    def of_avatar(cls, avatar: Avatar) -> "Subject":
        """An adapted person."""
        from mimictalk.rendering import load_renderer

        mark = Mark(TOOL, avatar.sha256, "video", now())
        return cls(avatar.name, avatar.tensors()["face_identity"], lambda: load_renderer(avatar), mark)

    @classmethod
    def of_first_frame(cls, path: Path, track: "FaceTrack", console: "Console") -> "Subject":
        """The person of a clip as one-shot rendering knows them from its first frame alone."""
        import torch

        from face3dmm import read_crops
        from mimictalk.one_shot_person import PortraitPerson
        from mimictalk.oneshot_job import REFINE
        from mimictalk.portrait_material import tracked_clip

        torch.set_flush_denormal(True)  # a third of the time of small networks goes into denormals otherwise
        first = first_frame_of(track)
        frame = torch.from_numpy(next(iter(read_crops(path, track.crop))))
        with console.progress() as progress:
            person = PortraitPerson(tracked_clip(frame[None], first, progress), first)

        def renderer() -> Any:
            with console.progress() as progress:
                return person.renderer(REFINE, 0, None, progress)

        mark = Mark(TOOL, None, "video", now(), portrait_sha256=track.source_hash)
        return cls(f"{path.stem}, first frame", first.coeffs.identity, renderer, mark)


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
    subject: Subject,
    track: "FaceTrack",
    window: Window,
    first: int,
    out: Path,
    console: "Console",
    cross: bool,
) -> None:
    """Render somebody with the face motion and the head pose of a tracked clip, without sound.

    Args:
        subject: Who is drawn.
        track: Of the whole clip.
        window: The square of the clip that the frames are to be compared with.
        first: The frame to begin with.
        out: The mp4 to write, 512 x 512.
        console: For progress and notes.
        cross: Whether another person is expected in the clip.
    """
    from face3dmm import FaceModel, fit_landmarks
    from mimictalk.video_writer import VideoWriter

    seen = through(track, window)
    if seen is not track:
        confidence = track.coeffs.confidence
        coeffs = fit_landmarks(FaceModel.open_face(), seen.landmarks, SIZE, confidence=confidence)
        seen = replace(seen, coeffs=coeffs)
    coeffs, ratio = fit_to_avatar(seen, subject.face_identity)
    console.note(f"driver against drawn face: residual ratio {ratio:.2f}")
    if ratio > SAME_PERSON_RATIO and not cross:
        console.warn(
            "the face in the clip does not look like the one drawn: for another person use --protocol cross"
        )
    motion = motion_from_coeffs(coeffs, track.fps).slice(first, len(track))
    renderer = subject.load_renderer()
    with (
        console.progress() as progress,
        VideoWriter(out, None, leader="picture", metadata=subject.mark.as_metadata()) as writer,
    ):
        for index, frame in enumerate(renderer.frames(motion)):
            writer.write(frame)
            progress("render", index + 1, len(motion.expression), {})


def first_frame_of(track: "FaceTrack") -> "FaceTrack":
    """A track of the first frame alone, fitted to it alone: nothing of the rest of the clip is known.

    Raises:
        InputError: If no face is seen in it.
    """
    from face3dmm import FaceModel, fit_landmarks

    if track.coeffs.confidence[0] < 1:
        raise InputError(
            "--first-frame", "the clip's first frame shows no face", "Use a clip that begins with one."
        )
    landmarks = track.landmarks[:1]
    coeffs = fit_landmarks(FaceModel.open_face(), landmarks, SIZE)
    return replace(track, coeffs=coeffs, landmarks=landmarks, face_box=track.face_box[:1])


def track_output(path: Path, progress: "Progress") -> tuple["FaceTrack | None", str | None]:
    """Follow the face in a video that was made; a video without a face is a result, not an error."""
    from face3dmm import InputError as NoFace
    from face3dmm import track_video

    try:
        return track_video(path, progress=progress), None
    except NoFace as error:
        return None, f"no face can be followed in the output: {error.cause}"
