"""`evaluate`: an avatar or a video, and a true clip, in; figures, tables and a report out."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mimictalk.atomic import atomic_folder
from mimictalk.avatar import Avatar
from mimictalk.console import Console
from mimictalk.errors import InputError
from mimictalk.evaluating.report import KIND, write_report
from mimictalk.state import last_avatar

if TYPE_CHECKING:
    from face3dmm import FaceTrack
    from mimictalk.evaluating.clips import Clip

FPS = 25.0
LENGTH_TOLERANCE = 1  # frames by which two clips may differ without remark
DRIVEN = "driven.mp4"


@dataclass(frozen=True)
class EvaluateSettings:
    """What `evaluate` is asked to do.

    Attributes:
        against: The true clip. It drives the avatar and is what the result is compared with.
        avatar: Folder to judge; None takes the one adapted last, unless one of the next two is given.
        video: A video to judge as it is, in place of an avatar.
        first_frame: Judge one-shot rendering: the clip's own first frame is drawn and driven by the rest.
        out: The folder to make; None for a name made of both.
        protocol: "same": the clip shows the avatar's person. "cross": it shows somebody else.
        begin: Seconds of the clip to leave out; None leaves out what the avatar has learned from.
        source: Clip of the avatar's person: across identities what CSIM and FID compare with.
        lpips, inception, arcface: Weights of the networks that measures are defined by.
    """

    against: Path
    avatar: Path | None = None
    video: Path | None = None
    first_frame: bool = False
    out: Path | None = None
    protocol: Literal["same", "cross"] = "same"
    begin: float | None = None
    source: Path | None = None
    lpips: tuple[Path, ...] = ()
    inception: Path | None = None
    arcface: Path | None = None

    def __post_init__(self) -> None:
        if (self.avatar is not None) + (self.video is not None) + self.first_frame > 1:
            cause = "an avatar, --video and --first-frame exclude each other"
            raise InputError("mimictalk evaluate", cause, "Name what is to be judged: one of them.")
        if self.protocol not in ("same", "cross"):
            raise InputError("--protocol", f"{self.protocol!r} is unknown", "Give same or cross.")
        if self.first_frame and self.cross:
            cause = "with --first-frame the clip shows the very person"
            raise InputError("--protocol", cause, "Leave out --protocol cross.")
        if self.source is not None and self.protocol == "same":
            cause = "with --protocol same the clip itself shows the person"
            raise InputError("--source", cause, "Leave it out, or add --protocol cross.")
        if self.begin is not None and self.begin < 0:
            raise InputError("--from", f"{self.begin:g} s is before the beginning", "Give a time from 0s.")

    @property
    def cross(self) -> bool:
        """Whether the clip shows somebody else than the avatar's person."""
        return self.protocol == "cross"


def evaluate(settings: EvaluateSettings, console: Console) -> dict[str, Any]:
    """Judge an avatar or a video and write the report; returns its facts for `--json`."""
    from mimictalk.evaluating.clips import Clip
    from mimictalk.evaluating.judges import Judges
    from mimictalk.evaluating.measuring import measure

    avatar = None
    if settings.video is None and not settings.first_frame:
        avatar = Avatar.load(settings.avatar if settings.avatar is not None else last_avatar())
    name = (
        avatar.name
        if avatar is not None
        else "first-frame"
        if settings.video is None
        else settings.video.stem
    )
    out = settings.out or Path(f"{name}-against-{settings.against.stem}")
    check_folder(out)
    console.how_to_go_on = "No report was written; run the same command to start again."
    judges = Judges.load(settings.lpips, settings.inception, settings.arcface)
    with atomic_folder(out) as folder:
        true, output = _clips(settings, avatar, folder, console)
        source = None
        if settings.source is not None:
            track = _tracked(settings.source, console)
            source = Clip(settings.source, track.crop, 0, track)
        evaluation, sheets = measure(
            name, true, output, judges, folder, console, cross=settings.cross, source=source
        )
        if avatar is not None:
            evaluation.facts.update(avatar=avatar.name, avatar_sha256=avatar.sha256)
        write_report(folder, evaluation, sheets)
    return {"folder": str(out), "report": str(out / "report.html"), **evaluation.as_json()}


def check_folder(path: Path) -> None:
    """Refuse to replace anything but an earlier evaluation.

    Raises:
        InputError: If something else is at `path`.
    """
    if not path.exists() or (path.is_dir() and not any(path.iterdir())):
        return
    try:
        earlier = json.loads((path / "evaluation.json").read_text(encoding="utf-8")).get("kind") == KIND
    except (OSError, ValueError, AttributeError):
        earlier = False
    if not earlier:
        cause = "it is there already and is not an evaluation: it will not be touched"
        raise InputError(path, cause, "Choose another folder with -o.")


def _clips(
    settings: EvaluateSettings, avatar: Avatar | None, folder: Path, console: Console
) -> tuple["Clip", "Clip"]:
    """The true clip and what is judged beside it, which is rendered first where an avatar is judged."""
    from mimictalk.evaluating import driven
    from mimictalk.evaluating.clips import SIZE, Clip, common_windows

    track = _tracked(settings.against, console)
    first = 0 if settings.begin is None else round(settings.begin * FPS)
    if settings.begin is None and not settings.cross:
        if avatar is not None:
            first = driven.held_out(avatar, track, console)
        elif settings.first_frame:
            first = 1
    if first >= len(track):
        cause = f"it lasts {len(track) / FPS:.1f} s: nothing is left after {first / FPS:.1f} s"
        raise InputError(settings.against, cause, "Give an earlier --from.")
    if settings.video is not None:
        video, video_first = settings.video, first
        window, video_window = common_windows(track, settings.against, video)
    else:
        video, video_first = folder / DRIVEN, 0
        own = avatar is not None and driven.is_own_clip(avatar, track)
        window = driven.own_window(avatar, settings.against) if avatar is not None and own else track.crop
        video_window = (0, 0, SIZE)
        subject = (
            driven.Subject.of_first_frame(settings.against, track, console)
            if avatar is None
            else driven.Subject.of_avatar(avatar)
        )
        driven.copy_motion(subject, track, window, first, video, console, settings.cross)
    with console.progress() as progress:
        made, lost = driven.track_output(video, progress)
    if lost is not None:
        console.warn(lost)
    true = Clip(settings.against, window, first, track)
    output = Clip(video, video_window, video_first, made, lost)
    if abs(true.length - output.length) > LENGTH_TOLERANCE:
        console.warn(
            f"the clip has {true.length} frames and the video {output.length}: "
            f"the first {min(true.length, output.length)} are compared"
        )
    return true, output


def _tracked(path: Path, console: Console) -> "FaceTrack":
    from mimictalk.tracked_motion import track_for

    with console.progress() as progress:
        track = track_for(path, progress)
    for warning in track.warnings:
        console.warn(f"{path.name}: {warning}")
    return track
