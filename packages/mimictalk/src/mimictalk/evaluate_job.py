"""`evaluate`: an avatar or a video, and a true clip, in; figures, tables and a report out."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mimictalk import __version__
from mimictalk.atomic import atomic_folder
from mimictalk.avatar import Avatar
from mimictalk.console import Console
from mimictalk.errors import InputError
from mimictalk.evaluating.report import KIND, Evaluation, write_report
from mimictalk.evaluating.tables import tables
from mimictalk.state import last_avatar

if TYPE_CHECKING:
    from face3dmm import FaceTrack
    from mimictalk.evaluating.clips import Clip
    from mimictalk.evaluating.judges import Judges

FPS = 25.0
LENGTH_TOLERANCE = 1  # frames by which two clips may differ without remark
DRIVEN = "driven.mp4"


@dataclass(frozen=True)
class EvaluateSettings:
    """What `evaluate` is asked to do.

    Attributes:
        against: The true clip. It drives the avatar and is what the result is compared with.
        avatar: Folder to judge; None takes the one adapted last, unless there is a `video`.
        video: A video to judge as it is, in place of an avatar.
        out: The folder to make; None for a name made of both.
        protocol: "same": the clip shows the avatar's person. "cross": it shows somebody else.
        begin: Seconds of the clip to leave out; None leaves out what the avatar has learned from.
        source: Clip of the avatar's person: across identities what CSIM and FID compare with.
        lpips, inception, arcface: Weights of the networks that measures are defined by.
    """

    against: Path
    avatar: Path | None = None
    video: Path | None = None
    out: Path | None = None
    protocol: Literal["same", "cross"] = "same"
    begin: float | None = None
    source: Path | None = None
    lpips: tuple[Path, ...] = ()
    inception: Path | None = None
    arcface: Path | None = None

    def __post_init__(self) -> None:
        if self.avatar is not None and self.video is not None:
            cause = "an avatar and --video exclude each other"
            raise InputError("mimictalk evaluate", cause, "Name what is to be judged: one of them.")
        if self.protocol not in ("same", "cross"):
            raise InputError("--protocol", f"{self.protocol!r} is unknown", "Give same or cross.")
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
    from mimictalk.evaluating.judges import Judges

    avatar = None
    if settings.video is None:
        avatar = Avatar.load(settings.avatar if settings.avatar is not None else last_avatar())
    name = avatar.name if avatar is not None else Path(str(settings.video)).stem
    out = settings.out or Path(f"{name}-against-{settings.against.stem}")
    check_folder(out)
    console.how_to_go_on = "No report was written; run the same command to start again."
    judges = Judges.load(settings.lpips, settings.inception, settings.arcface)
    with atomic_folder(out) as folder:
        true, output = _clips(settings, avatar, folder, console)
        evaluation, sheets = _measure(settings, name, true, output, judges, folder, console)
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
    from mimictalk.evaluating.clips import Clip, common_windows

    track = _tracked(settings.against, console)
    first = 0 if settings.begin is None else round(settings.begin * FPS)
    if avatar is None:
        assert settings.video is not None
        video, window_first = settings.video, first
    else:
        video, window_first = folder / DRIVEN, 0
        if settings.begin is None and not settings.cross:
            first = driven.held_out(avatar, track, console)
    if first >= len(track):
        cause = f"it lasts {len(track) / FPS:.1f} s: nothing is left after {first / FPS:.1f} s"
        raise InputError(settings.against, cause, "Give an earlier --from.")
    if avatar is None:
        true_window, made_window = common_windows(track, settings.against, video)
    else:
        own = driven.is_own_clip(avatar, track)
        true_window = driven.own_window(avatar, settings.against) if own else track.crop
        made_window = (0, 0, 512)
        driven.copy_motion(avatar, track, true_window, first, video, console, settings.cross)
    with console.progress() as progress:
        made, lost = driven.track_output(video, progress)
    if lost is not None:
        console.warn(lost)
    true = Clip(settings.against, true_window, first, track)
    output = Clip(video, made_window, window_first, made, lost)
    if abs(true.length - output.length) > LENGTH_TOLERANCE:
        console.warn(
            f"the clip has {true.length} frames and the video {output.length}: "
            f"the first {min(true.length, output.length)} are compared"
        )
    return true, output


def _measure(
    settings: EvaluateSettings,
    name: str,
    true: "Clip",
    output: "Clip",
    judges: "Judges",
    folder: Path,
    console: Console,
) -> tuple[Evaluation, list[Path]]:
    import numpy as np

    from mimictalk.evaluating import faces, figures, sheets
    from mimictalk.evaluating.clips import Clip
    from mimictalk.evaluating.pictures import compare_pictures

    source: Clip | None = true
    if settings.cross:
        source = None
        if settings.source is not None:
            track = _tracked(settings.source, console)
            source = Clip(settings.source, track.crop, 0, track)
    chosen = sheets.evenly_spread(min(true.length, output.length))
    shown: dict[int, tuple[np.ndarray, np.ndarray]] = {}

    def watch(number: int, wanted: np.ndarray, got: np.ndarray) -> None:
        if number in chosen:
            shown[number] = (wanted, got)

    with console.progress() as progress:
        found, run = compare_pictures(
            true,
            output,
            judges,
            source=source,
            watch=watch,
            progress=lambda done, total: progress("compare", done, total, {}),
        )
    if not run.frames:
        cure = "Give a longer video or an earlier --from."
        raise InputError(output.path, "it has no frame to compare", cure)
    count = run.frames
    found |= faces.compare_faces(true, output, count, cross=settings.cross)
    heard = faces.loudness(output.path, output.first, count)
    heard = faces.loudness(true.path, true.first, count) if heard is None else heard
    mouths = faces.Mouths(faces.opening(true, count), faces.opening(output, count), heard)
    found |= faces.compare_sound(mouths)
    complete = figures.complete(found, settings.cross)
    facts = {
        "name": name,
        "protocol": f"{settings.protocol} identity",
        "against": settings.against.name,
        "against_sha256": true.track.source_hash if true.track is not None else None,
        "video": output.path.name,
        "source": None if settings.source is None else settings.source.name,
        "first_frame": true.first,
        "frames": count,
        "fps": FPS,
        "weights": judges.files,
        "tool": f"mimictalk {__version__}",
    }
    curves: dict[str, dict[str, Any]] = {"Mouth opening": {"clip": mouths.true, "output": mouths.output}}
    if "psnr" in run.values:
        by_frame = {"whole frame": run.values["psnr"], "mouth": run.values["psnr_mouth"]}
        curves = {"PSNR, dB": by_frame, **curves}
    layouts = tables(complete, name, cross=settings.cross)
    return Evaluation(facts, complete, layouts, curves), _draw(folder, shown, true, settings.cross)


def _draw(folder: Path, shown: dict[int, tuple[Any, Any]], true: "Clip", cross: bool) -> list[Path]:
    """Contact sheets of whole frames and, for one identity, of faces."""
    import numpy as np

    from face3dmm.metrics import face_box
    from mimictalk.evaluating.clips import SIZE
    from mimictalk.evaluating.sheets import contact_sheet, difference

    numbers = sorted(shown)
    rows = {name: np.stack([shown[i][row] for i in numbers]) for row, name in enumerate(("clip", "output"))}
    labels = [number + true.first for number in numbers]
    whole, close = folder / "frames.png", folder / "faces.png"
    if cross:
        contact_sheet(whole, rows, numbers=labels)
        return [whole]
    contact_sheet(whole, rows | {"difference x4": difference(rows["clip"], rows["output"])}, numbers=labels)
    landmarks = true.landmarks(numbers[-1] + 1)[numbers, :, :2].numpy()
    contact_sheet(close, rows, [face_box(points, SIZE) for points in landmarks], numbers=labels)
    return [whole, close]


def _tracked(path: Path, console: Console) -> "FaceTrack":
    from mimictalk.tracked_motion import track_for

    with console.progress() as progress:
        track = track_for(path, progress)
    for warning in track.warnings:
        console.warn(f"{path.name}: {warning}")
    return track
