"""Motion for a person: generated from speech in their style, or copied from a clip."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from mimictalk.checking import check_clip_sound
from mimictalk.console import Console, Progress
from mimictalk.errors import InputError
from mimictalk.motion_controls import RestingFace
from mimictalk.prompting import prompt_from_track
from mimictalk.speaking import speak
from mimictalk.tracked_motion import (
    fit_to_avatar,
    motion_from_coeffs,
    place_pose,
    repeat_there_and_back,
    track_for,
    usual_pose,
)
from mimictalk.video_settings import POSES, VideoSettings

if TYPE_CHECKING:
    from torch import Tensor

    from face3dmm import FaceTrack
    from talk_motion import MotionPrompt, MotionSequence
    from talk_motion.generation import Speaking
    from talk_motion.person_tuning import PersonTuning
    from talk_motion.space import MotionSpace
    from talk_motion.spool import MotionSpool


class Person(Protocol):
    """Who is to move: an avatar, or the person of a portrait."""

    def prompt(self) -> "MotionPrompt | None":
        """Their own talking style, where it is known."""

    def motion_tuning(self) -> "PersonTuning | None":
        """What was learned of their way of speaking, where anything was."""

    def tensors(self) -> "dict[str, Tensor]":
        """At least face_identity (80,), source_euler (3,) and source_translation (3,)."""


def motion_from_audio(
    person: Person, settings: VideoSettings, console: Console, progress: Progress, spool: "MotionSpool"
) -> "MotionSequence":
    """Speech to motion, in the style of the person's own clip or of `settings.style`; mapped from `spool`."""
    assert settings.audio is not None
    prompt = speaking_style(person, settings, console, progress)
    own = person if settings.style is None else None
    model = speak(settings.audio, prompt, speaking_of(settings), spool, console, progress, own)
    motion = _posed(spool.motion(), person, settings, prompt, console, progress)
    if settings.controls.idle:
        return motion
    shown = prompt.motion.expression if prompt is not None else None
    return settings.controls.applied(motion, resting_face(shown, person, model.space))


def resting_face(shown: "Tensor | None", person: Person, space: "MotionSpace") -> RestingFace:
    """What controls count from: the rest in what was shown (T, 64), at the place of the person's head."""
    return RestingFace.of(shown, person.tensors()["source_translation"], space)


def _posed(
    motion: "MotionSequence",
    person: Person,
    settings: VideoSettings,
    prompt: "MotionPrompt | None",
    console: Console,
    progress: Progress,
) -> "MotionSequence":
    """A spoken motion with the head that the settings ask for."""
    if settings.pose_clip is not None:
        track = pose_track(settings.pose_clip, console, progress)
        frames = len(motion.expression)
        moved = replace(
            motion,
            euler=repeat_there_and_back(track.coeffs.euler, frames),
            translation=repeat_there_and_back(track.coeffs.translation, frames),
        )
        return _placed(moved, person)
    # Another clip's style, or the average one, comes with another place of the head.
    return motion if settings.style is None and prompt is not None else _placed(motion, person)


def speaking_style(
    person: Person, settings: VideoSettings, console: Console, progress: Progress
) -> "MotionPrompt | None":
    """The talking style that the settings ask for; None for an average one, which is said.

    Raises:
        InputError: If the head is to move in no known way.
    """
    if settings.pose_clip is not None and not settings.pose_clip.exists():
        cure = f"Give {', '.join(POSES)}, YAW,PITCH,ROLL in degrees, or the name of a clip."
        raise InputError("--pose", f"{settings.pose!r} is neither a way to move nor a clip", cure)
    if settings.style is not None:
        return style_prompt(settings.style, console, progress)
    prompt = person.prompt()
    if prompt is None and settings.OWN_STYLE:
        console.warn("the avatar has no talking style of its own: an average one is used")
    return prompt


def speaking_of(settings: VideoSettings) -> "Speaking":
    """The settings as talk-motion takes them."""
    from talk_motion.generation import Speaking

    return Speaking(
        style_strength=settings.style_strength,
        seed=settings.seed,
        pose="ref" if settings.pose == "ref" else "static",
        blink="none" if settings.blink == "none" else "auto",
    )


def motion_from_clip(
    person: Person, settings: VideoSettings, console: Console, progress: Progress
) -> "MotionSequence":
    """The face motion of a driving clip, placed on the person."""
    assert settings.drive is not None
    track = track_for(settings.drive, progress)
    for warning in track.warnings:
        console.warn(warning)
    coeffs, ratio = fit_to_avatar(track, person.tensors()["face_identity"])
    console.note(f"driver against avatar: residual ratio {ratio:.2f}")
    motion = motion_from_coeffs(coeffs, track.fps)
    shown = motion.expression
    if settings.drive_pose == "relative":
        motion = _placed(motion, person)
    if settings.pose == "static":
        euler, translation = usual_pose(motion.euler, motion.translation)
        motion = replace(
            motion, euler=euler.repeat(motion.frames, 1), translation=translation.repeat(motion.frames, 1)
        )
    if settings.controls.idle:
        return motion
    from talk_motion import MotionModel

    rest = resting_face(shown, person, MotionModel.from_pretrained("small").space)
    return settings.controls.applied(motion, rest)


def pose_track(path: Path, console: Console, progress: Progress) -> "FaceTrack":
    """The track of a clip whose head motion is wanted."""
    track = track_for(path, progress)
    for warning in track.warnings:
        console.warn(f"{path.name}: {warning}")
    return track


def style_prompt(path: Path, console: Console, progress: Progress) -> "MotionPrompt":
    """The talking style of any clip with a face and speech.

    Raises:
        InputError: If the clip has no speech to show a style.
    """
    track = track_for(path, progress)
    features, warnings = check_clip_sound(path)
    for warning in (*track.warnings, *warnings):
        console.warn(f"{path.name}: {warning}")
    prompt = prompt_from_track(track, features)
    if prompt is None:
        raise InputError(path, "it shows no talking style", "Give a clip of a second or more of speech.")
    return prompt


def _placed(motion: "MotionSequence", person: Person) -> "MotionSequence":
    tensors = person.tensors()
    euler, translation = place_pose(
        motion.euler, motion.translation, tensors["source_euler"], tensors["source_translation"]
    )
    return replace(motion, euler=euler, translation=translation)
