"""From a person and the options to a marked video: motion, frames, sound."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mimictalk.console import Console, Progress
from mimictalk.marks import now
from mimictalk.motion_sources import Person
from mimictalk.video_settings import PIPE, VideoSettings

if TYPE_CHECKING:
    from mimictalk.provenance import Origin
    from mimictalk.video_coding import Coding
    from talk_motion import MotionSequence


def write_driven_video(
    out: Path,
    person: Person,
    settings: VideoSettings,
    load_renderer: Callable[[], Any],
    console: Console,
    progress: Progress,
    origin: "Origin",
    stands_on: dict[str, str] | None = None,
) -> dict[str, Any]:
    """Make the video; returns its facts for `--json`. A file appears whole or not at all.

    What was drawn before a kill is not drawn again by the same command (`segmented_video`); what goes through
    a pipe is gone (`live_video`).

    Args:
        out: The file, or `PIPE`.
        person: Who is to move.
        settings: How.
        load_renderer: Gives something whose `frames(motion)` are (S, S, 3) uint8 of the settings' size;
            called when the motion is known.
        console: For warnings.
        progress: Called with (stage, done, total, facts).
        origin: What the person was taken from, for the marks.
        stands_on: Name to sha256 of weights that neither the packages bring nor the person's sha256 tells of.
    """
    from mimictalk.examination import examine
    from mimictalk.live_video import speak_live, stream_video, target
    from mimictalk.provenance import Provenance
    from mimictalk.render_key import render_key
    from mimictalk.segmented_video import Job, make_video
    from mimictalk.transparency import CutOut, picture_names
    from mimictalk.video_coding import FPS
    from talk_motion.spool import MotionSpool

    for path in settings.media:
        examine(path)
    if out == PIPE:
        console.out = console.err  # stdout carries the video and nothing else
    by_sound = settings.audio is not None
    leader: Literal["sound", "picture"] = "sound" if by_sound else "picture"
    provenance = Provenance(settings, origin, console)
    shown = (lambda: CutOut(load_renderer())) if settings.transparent else load_renderer
    load_marking, created = provenance.marking(shown), now()
    mark = provenance.metadata(created)

    with MotionSpool() as spool, target(out) as stream:
        if settings.audio == PIPE:
            frames = speak_live(stream, person, settings, load_marking, mark, console, progress)
        elif out == PIPE:
            motion = _motion(person, settings, console, progress, spool)
            shown_as = settings.driver, leader, mark, settings.size
            frames = stream_video(stream, motion, load_marking, *shown_as, progress)
        else:
            person_of = {"avatar": origin.avatar_sha256, "portrait": origin.portrait_sha256}
            person_of |= stands_on or {}
            job = Job(
                out=out,
                key=render_key(settings, **person_of, form=settings.form),
                motion=lambda: _motion(person, settings, console, progress, spool),
                renderer=load_marking,
                sound=settings.driver,
                leader=leader,
                metadata=provenance.metadata,
                coding=_coding(settings),
                pictures=picture_names(settings.out) if settings.form == "png" and settings.out else None,
                finish=provenance.mark_file,
            )
            frames = make_video(job, console, progress)
    if settings.audio == PIPE and out != PIPE:
        provenance.mark_file(out, created)
    return {
        "video": str(out),
        "frames": frames,
        "seconds": frames / FPS,
        "fps": float(FPS),
        "size": settings.size,
        **provenance.facts(),
    }


def _coding(settings: VideoSettings) -> "Coding":
    from mimictalk.transparent_coding import TransparentCoding
    from mimictalk.video_coding import Coding

    form, size = settings.form, (settings.size, settings.size)
    return Coding(size) if form == "mp4" else TransparentCoding(size, form=form)


def _motion(
    person: Person, settings: VideoSettings, console: Console, progress: Progress, spool: Any
) -> "MotionSequence":
    from mimictalk.motion_sources import motion_from_audio, motion_from_clip

    if settings.audio is not None:
        return motion_from_audio(person, settings, console, progress, spool)
    return motion_from_clip(person, settings, console, progress)
