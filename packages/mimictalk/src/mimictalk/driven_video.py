"""From a person and the options to a marked mp4: motion, frames, sound."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from mimictalk import __version__
from mimictalk.console import Console, Progress
from mimictalk.marks import Mark, now
from mimictalk.motion_sources import Person
from mimictalk.video_settings import VideoSettings


def write_driven_video(
    out: Path,
    person: Person,
    settings: VideoSettings,
    load_renderer: Callable[[], Any],
    console: Console,
    progress: Progress,
    *,
    avatar_sha256: str | None = None,
    portrait_sha256: str | None = None,
) -> dict[str, Any]:
    """Make the video; returns its facts for `--json`. It appears whole or not at all.

    Args:
        out: The file.
        person: Who is to move.
        settings: How.
        load_renderer: Gives something whose `frames(motion)` are (512, 512, 3) uint8; called when the motion
            is known.
        console: For warnings.
        progress: Called with (stage, done, total, facts).
        avatar_sha256, portrait_sha256: Of what the person was taken from, for the mark.
    """
    from mimictalk.motion_sources import motion_from_audio, motion_from_clip
    from mimictalk.sound import has_sound, read_sound
    from mimictalk.video_writer import VideoWriter

    by_sound = settings.audio is not None
    motion = (motion_from_audio if by_sound else motion_from_clip)(person, settings, console, progress)
    total = len(motion.expression)
    sound = read_sound(settings.driver) if has_sound(settings.driver) else None
    tool, kind = f"mimictalk {__version__}", "audio" if by_sound else "video"
    mark = Mark(tool, avatar_sha256, kind, now(), portrait_sha256=portrait_sha256)
    renderer = load_renderer()
    leader: Literal["sound", "picture"] = "sound" if by_sound else "picture"
    with VideoWriter(out, sound, leader=leader, metadata=mark.as_metadata()) as writer:
        for index, frame in enumerate(renderer.frames(motion)):
            writer.write(frame)
            progress("render", index + 1, total, {})
    return {
        "video": str(out),
        "frames": writer.frames,
        "seconds": writer.frames / float(motion.fps),
        "fps": float(motion.fps),
    }
