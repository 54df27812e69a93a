"""A long video that a kill cannot take away: drawn in segments, journalled, joined at the end."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mimictalk.atomic import fsync
from mimictalk.console import Console, Progress
from mimictalk.durations import show_duration
from mimictalk.errors import RunError
from mimictalk.journal import Journal
from mimictalk.png_sequence import write_sequence
from mimictalk.segments import join, spans, write_segment
from mimictalk.sound import has_sound, read_sound, sound_length
from mimictalk.stored_motion import store_motion, stored_motion
from mimictalk.video_coding import FPS, SAMPLES_PER_FRAME, Coding

if TYPE_CHECKING:
    from talk_motion import MotionSequence

MOTION, JOINED = "motion.f32", "joined"


@dataclass(frozen=True)
class Job:
    """A video to make.

    Attributes:
        out: The file, or the folder of a sequence of pictures.
        key: sha256 of everything that its frames depend on.
        motion: Writes nothing, gives the whole motion; called only if it is not known yet.
        renderer: Gives something whose `frames(motion)` are (height, width, 3) uint8, each a function of its
            own motion alone; called only if a segment is missing.
        sound: File whose sound goes with it.
        leader: With "sound" the last frame is held until the sound ends, with "picture" the sound ends with
            the last frame.
        metadata: From the time when the job began, ISO 8601, to the container's metadata.
        coding: Size and quality of the picture.
        pictures: Names of the pictures of a sequence; None for a video.
        finish: Called with what is whole, before it gets its name, and the time when the job began.
    """

    out: Path
    key: str
    motion: "Callable[[], MotionSequence]"
    renderer: Callable[[], Any]
    sound: Path
    leader: Literal["sound", "picture"]
    metadata: Callable[[str], dict[str, str]]
    coding: Coding = field(default_factory=Coding)
    pictures: str | None = None
    finish: Callable[[Path, str], None] | None = None


def work_folder(out: Path) -> Path:
    """Where the parts of a video are kept until it is whole: hidden, beside it, on the same disk."""
    return out.parent / f".mimictalk-render-{out.name}"


def make_video(job: Job, console: Console, progress: Progress) -> int:
    """Draw what is missing, join, and put the video under its name; returns its number of frames.

    Whenever this ends early, closed segments stay in the work folder and the next call goes on from them.

    Raises:
        InputError: If another process makes the same file.
        RunError: If there is nothing to draw.
    """
    with Journal(work_folder(job.out), job.key) as journal:
        if MOTION not in journal:
            drawn = job.motion()
            if not drawn.frames:
                raise RunError(job.out, "no frame was rendered", "Give longer audio or a longer clip.")
            with journal.writing(MOTION) as path:
                store_motion(path, drawn)
        motion = stored_motion(journal.folder / MOTION)
        length = sound_length(job.sound) if has_sound(job.sound) else None
        total = motion.frames
        if job.leader == "sound" and length is not None:
            total = max(total, -(-length // SAMPLES_PER_FRAME))
        _draw(job, journal, motion, total, console, progress)
        joined = journal.folder / (JOINED if job.pictures is not None else f"{JOINED}{job.out.suffix}")
        segments = [journal.folder / _name(job, span) for span in spans(total)]
        sound = None if length is None else read_sound(job.sound)
        metadata = job.metadata(journal.created)
        if job.pictures is None:
            joining = join(joined, segments, sound, metadata, job.coding)
        else:
            shutil.rmtree(joined, ignore_errors=True)  # what a kill left
            joining = write_sequence(joined, job.pictures, segments, sound, metadata)
        for done in joining:
            progress("join", done, total, {})
        if job.finish is not None:
            job.finish(joined, journal.created)
        for entry in [*joined.iterdir()] if joined.is_dir() else []:
            fsync(entry)
        fsync(joined)
        joined.replace(job.out)
        fsync(job.out.parent)
        journal.discard()
    return total


def _draw(
    job: Job, journal: Journal, motion: "MotionSequence", total: int, console: Console, progress: Progress
) -> None:
    missing = [span for span in spans(total) if _name(job, span) not in journal]
    kept = total - sum(stop - start for start, stop in missing)
    if kept and missing:
        console.note(
            f"going on: {show_duration(kept / FPS)} of {show_duration(total / FPS)} are done already"
        )
    renderer: Any = job.renderer() if missing else None
    for start, stop in missing:
        console.how_to_go_on = _how_to_go_on(journal, kept)
        progress("render", kept, total, {})
        with journal.writing(_name(job, (start, stop))) as path:
            frames = renderer.frames(_between(motion, start, stop))
            for done in write_segment(path, frames, stop - start, job.coding):
                progress("render", kept + done, total, {})
        kept += stop - start
    console.how_to_go_on = _how_to_go_on(journal, kept)


def _between(motion: "MotionSequence", start: int, stop: int) -> "MotionSequence":
    """Frames [start, stop); the last one is repeated after the end."""
    piece, count = motion.slice(start, stop), motion.frames
    held = [motion.slice(count - 1, count)] * (stop - max(start, min(stop, count)))
    return motion.join([piece, *held]) if held else piece


def _name(job: Job, span: tuple[int, int]) -> str:
    return f"{span[0]:07d}-{span[1]:07d}.{job.coding.container}"


def _how_to_go_on(journal: Journal, frames: int) -> str:
    done = f"{show_duration(frames / FPS)} of video are kept" if frames else "The motion is kept"
    return f"{done} in {journal.folder}; run the same command to go on."
