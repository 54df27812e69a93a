"""Motion for a person: generated from speech in their style, or copied from a clip."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from mimictalk.checking import check_clip_sound
from mimictalk.console import Console, Progress
from mimictalk.errors import InputError
from mimictalk.prompting import prompt_from_track
from mimictalk.sound_check import has_speech
from mimictalk.tracked_motion import (
    fit_to_avatar,
    motion_from_coeffs,
    place_pose,
    repeat_there_and_back,
    track_for,
)
from mimictalk.video_settings import POSES, VideoSettings

if TYPE_CHECKING:
    from torch import Tensor

    from talk_motion import MotionPrompt, MotionSequence


class Person(Protocol):
    """Who is to move: an avatar, or the person of a portrait."""

    def prompt(self) -> "MotionPrompt | None":
        """Their own talking style, where it is known."""

    def tensors(self) -> "dict[str, Tensor]":
        """At least face_identity (80,), source_euler (3,) and source_translation (3,)."""


def motion_from_audio(
    avatar: Person, settings: VideoSettings, console: Console, progress: Progress
) -> "MotionSequence":
    """Speech to motion, in the style of the avatar's own clip or of `settings.style`."""
    assert settings.audio is not None
    if settings.pose not in POSES and not Path(settings.pose).exists():
        cure = f"Give {', '.join(POSES)} or the name of a clip."
        raise InputError("--pose", f"{settings.pose!r} is neither a way to move nor a clip", cure)
    prompt = avatar.prompt() if settings.style is None else style_prompt(settings.style, console, progress)
    if prompt is None and settings.OWN_STYLE:
        console.warn("the avatar has no talking style of its own: an average one is used")
    motion = speak(
        settings.audio,
        prompt,
        console,
        progress,
        seed=settings.seed,
        style_strength=settings.style_strength,
        pose=settings.pose if settings.pose in POSES else "static",
        blink=settings.blink,
    )
    if settings.pose not in POSES:
        return _with_pose_of(Path(settings.pose), motion, avatar, console, progress)
    # Another clip's style, or the average one, comes with another place of the head.
    return motion if settings.style is None and prompt is not None else _placed(motion, avatar)


def speak(
    audio: Path,
    prompt: "MotionPrompt | None",
    console: Console,
    progress: Progress,
    *,
    seed: int,
    **options: Any,
) -> "MotionSequence":
    """Speech to motion; `options` are those of `talk_motion.generate`. Warns of an odd sound."""
    from talk_motion import MotionModel, generate
    from talk_motion.audio import read_audio
    from talk_motion.features import extract_features

    clip = read_audio(audio)
    for warning in clip.warnings:
        console.warn(f"{audio.name}: {warning}")
    features = extract_features(clip.samples)
    if not clip.warnings and not has_speech(features):
        console.warn(f"{audio.name}: no speech was found in the sound: the mouth will hardly move")
    progress("speech to motion", 0, 1, {})
    motion = generate(MotionModel.from_pretrained("small"), features, prompt, seed=seed, **options)
    progress("speech to motion", 1, 1, {})
    return motion


def motion_from_clip(
    avatar: Person, settings: VideoSettings, console: Console, progress: Progress
) -> "MotionSequence":
    """The face motion of a driving clip, placed on the avatar."""
    assert settings.drive is not None
    track = track_for(settings.drive, progress)
    for warning in track.warnings:
        console.warn(warning)
    coeffs, ratio = fit_to_avatar(track, avatar.tensors()["face_identity"])
    console.note(f"driver against avatar: residual ratio {ratio:.2f}")
    motion = motion_from_coeffs(coeffs, track.fps)
    return motion if settings.drive_pose == "absolute" else _placed(motion, avatar)


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


def _placed(motion: "MotionSequence", avatar: Person) -> "MotionSequence":
    tensors = avatar.tensors()
    euler, translation = place_pose(
        motion.euler, motion.translation, tensors["source_euler"], tensors["source_translation"]
    )
    return replace(motion, euler=euler, translation=translation)


def _with_pose_of(
    path: Path, motion: "MotionSequence", avatar: Person, console: Console, progress: Progress
) -> "MotionSequence":
    track = track_for(path, progress)
    for warning in track.warnings:
        console.warn(f"{path.name}: {warning}")
    frames = len(motion.expression)
    moved = replace(
        motion,
        euler=repeat_there_and_back(track.coeffs.euler, frames),
        translation=repeat_there_and_back(track.coeffs.translation, frames),
    )
    return _placed(moved, avatar)
