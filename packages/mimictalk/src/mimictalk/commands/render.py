"""mimictalk render [me/] --audio SPEECH.wav | --drive CLIP.mp4"""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option


class DrivePose(StrEnum):
    relative = "relative"
    absolute = "absolute"


class Blink(StrEnum):
    auto = "auto"
    none = "none"


def render(
    ctx: typer.Context,
    avatar: Annotated[
        Path | None, Argument(metavar="AVATAR", help="Avatar folder [default: the one adapted last].")
    ] = None,
    audio: Annotated[Path | None, Option(metavar="FILE", help="Speech to say.")] = None,
    drive: Annotated[Path | None, Option(metavar="CLIP", help="Copy the face motion of this clip.")] = None,
    out: Annotated[
        Path | None, Option("-o", "--out", help="Video to write [default: AVATAR-FILE.mp4].")
    ] = None,
    style: Annotated[Path | None, Option(metavar="CLIP", help="Talk in the style of this clip.")] = None,
    style_strength: Annotated[float, Option(help="0 no style, 1 as it is, up to 4.")] = 1.0,
    pose: Annotated[str, Option(metavar="ref|static|CLIP", help="Head motion, with --audio.")] = "ref",
    drive_pose: Annotated[DrivePose, Option(help="Head pose, with --drive.")] = DrivePose.relative,
    blink: Annotated[Blink, Option(help="Blinks, with --audio.")] = Blink.auto,
    background: Annotated[
        str, Option(metavar="keep|#rrggbb|PICTURE", help="What is behind the person.")
    ] = "keep",
    seed: Annotated[int, Option(help="Same input and seed: same video.")] = 0,
) -> None:
    """Make an avatar speak a sound file, or copy the motion of a clip."""
    from mimictalk.render_job import RenderSettings, render_avatar

    settings = RenderSettings(
        avatar=avatar,
        audio=audio,
        drive=drive,
        out=out,
        style=style,
        style_strength=style_strength,
        pose=pose,
        drive_pose=drive_pose.value,
        blink=blink.value,
        background=background,
        seed=seed,
    )
    facts = render_avatar(settings, ctx.obj)
    ctx.obj.result(facts["video"], facts)
