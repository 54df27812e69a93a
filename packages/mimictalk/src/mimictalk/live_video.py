"""Video without a way back: into a pipe while it is drawn, from sound that is spoken while it arrives."""

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal

import numpy as np

from mimictalk.console import Console, Progress
from mimictalk.motion_sources import Person, pose_track, resting_face, speaking_of, speaking_style
from mimictalk.person_motion import motion_model
from mimictalk.segments import spans
from mimictalk.sound import has_sound, read_sound
from mimictalk.tracked_motion import place_pose, repeat_there_and_back, usual_pose
from mimictalk.video_settings import PIPE, VideoSettings
from mimictalk.video_writer import StreamWriter, VideoWriter

if TYPE_CHECKING:
    from talk_motion import MotionPrompt, MotionSequence


def speak_live(
    out: Path | BinaryIO,
    person: Person,
    settings: VideoSettings,
    load_renderer: Callable[[], Any],
    metadata: dict[str, str],
    console: Console,
    progress: Progress,
) -> int:
    """Draw a person who says what comes through stdin; returns the number of frames.

    A frame is drawn 0.32 s after its sound came, at the earliest. Memory does not grow.

    Args:
        out: The file, or an open stream.
        person: Who speaks.
        settings: How.
        load_renderer: Gives something whose `frames(motion)` are (S, S, 3) uint8, S the settings' size.
        metadata: Container metadata.
        console: For warnings.
        progress: Called with (stage, done, 0, facts).

    Raises:
        InputError: If no sound comes.
    """
    from mimictalk.piped_sound import PipedSound
    from talk_motion.streaming import MotionStream

    prompt = speaking_style(person, settings, console, progress)
    place = placing(person, prompt, settings, console, progress)
    model = motion_model(person if settings.style is None else None, console)
    renderer = load_renderer()
    stream = MotionStream(model, prompt, speaking_of(settings))
    stdin: Any = sys.stdin.buffer
    sound = PipedSound(stdin.raw, settings.audio_format)
    with writer(out, sound.arrived, "sound", metadata, settings.size) as video:

        def show(motion: "MotionSequence") -> None:
            if motion.frames:
                for frame in renderer.frames(place(motion, video.frames)):
                    video.write(frame)
                    progress("live", video.frames, 0, {})

        for samples in sound:
            show(stream.push(samples))
        show(stream.finish())
    return video.frames


def stream_video(
    out: Path | BinaryIO,
    motion: "MotionSequence",
    load_renderer: Callable[[], Any],
    sound: Path,
    leader: Literal["sound", "picture"],
    metadata: dict[str, str],
    size: int,
    progress: Progress,
) -> int:
    """Draw a known motion into a stream, without a journal; returns the number of frames.

    Args:
        out: As of `speak_live`.
        motion: Of the whole video.
        load_renderer: As of `speak_live`.
        sound: File whose sound goes with it.
        leader: See `FrameWriter`.
        metadata: Container metadata.
        size: Side of the frames.
        progress: Called with (stage, done, total, facts).
    """
    renderer = load_renderer()
    blocks = read_sound(sound) if has_sound(sound) else None
    with writer(out, blocks, leader, metadata, size) as video:
        for start, stop in spans(motion.frames):
            for frame in renderer.frames(motion.slice(start, stop)):
                video.write(frame)
                progress("render", video.frames, motion.frames, {})
    return video.frames


def writer(
    out: Path | BinaryIO,
    sound: Iterable[np.ndarray] | None,
    leader: Literal["sound", "picture"],
    metadata: dict[str, str],
    size: int,
) -> VideoWriter | StreamWriter:
    """What writes square frames to a file or to an open stream."""
    kind: Any = VideoWriter if isinstance(out, Path) else StreamWriter
    opened: VideoWriter | StreamWriter = kind(out, sound, leader=leader, metadata=metadata, size=(size, size))
    return opened


@contextmanager
def target(out: Path) -> Iterator[Path | BinaryIO]:
    """`out`, or for `PIPE` the program's stdout for bytes alone: what is printed meanwhile goes to stderr."""
    if out != PIPE:
        yield out
        return
    sys.stdout.flush()
    number = sys.stdout.fileno()
    with os.fdopen(os.dup(number), "wb", buffering=0) as video:
        os.dup2(sys.stderr.fileno(), number)
        try:
            yield video
        finally:
            sys.stdout.flush()
            os.dup2(video.fileno(), number)


def placing(
    person: Person,
    prompt: "MotionPrompt | None",
    settings: VideoSettings,
    console: Console,
    progress: Progress,
) -> "Callable[[MotionSequence, int], MotionSequence]":
    """Where the head is put, as for a sound file; the usual pose is that of the style, known beforehand.

    Returns:
        Function of a piece of motion and the number of frames before it.
    """
    import torch

    clip, controls = settings.pose_clip, settings.controls
    if not controls.idle:
        from talk_motion import MotionModel

        shown = None if prompt is None else prompt.motion.expression
        rest = resting_face(shown, person, MotionModel.from_pretrained("small").space)
        changed = lambda motion: controls.applied(motion, rest)  # noqa: E731
    else:
        changed = lambda motion: motion  # noqa: E731
    tensors = person.tensors() if clip is not None or settings.style or prompt is None else {}
    if not tensors:
        return lambda motion, first: changed(motion)
    track = None if clip is None else pose_track(clip, console, progress)
    if track is not None:
        usual = usual_pose(track.coeffs.euler, track.coeffs.translation)
    elif prompt is not None:
        usual = usual_pose(prompt.motion.euler, prompt.motion.translation)
    else:
        usual = torch.zeros(3), torch.zeros(3)  # an average speaker's

    def placed(motion: "MotionSequence", first: int) -> "MotionSequence":
        euler, translation = motion.euler, motion.translation
        if track is not None:
            euler = repeat_there_and_back(track.coeffs.euler, motion.frames, first)
            translation = repeat_there_and_back(track.coeffs.translation, motion.frames, first)
        euler, translation = place_pose(
            euler, translation, tensors["source_euler"], tensors["source_translation"], usual
        )
        return changed(replace(motion, euler=euler, translation=translation))

    return placed
