"""mimictalk oneshot PORTRAIT.png --audio SPEECH.wav | --drive CLIP.mp4"""

from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

from mimictalk.commands.render import Blink, DrivePose

REFINE_HELP = "Steps that learn the likeness; 0 for the quick, rough one [default: 60]."


def oneshot(
    ctx: typer.Context,
    portrait: Annotated[
        Path, Argument(metavar="PORTRAIT", help="A photo, painting or drawing: PNG, JPEG, WebP.")
    ],
    audio: Annotated[Path | None, Option(metavar="FILE", help="Speech to say.")] = None,
    drive: Annotated[Path | None, Option(metavar="CLIP", help="Copy the face motion of this clip.")] = None,
    out: Annotated[
        Path | None, Option("-o", "--out", help="Video to write [default: PORTRAIT-FILE.mp4].")
    ] = None,
    style: Annotated[Path | None, Option(metavar="CLIP", help="Talk in the style of this clip.")] = None,
    style_strength: Annotated[float, Option(help="0 no style, 1 as it is, up to 4.")] = 1.0,
    pose: Annotated[str, Option(metavar="ref|static|CLIP", help="Head motion, with --audio.")] = "ref",
    drive_pose: Annotated[DrivePose, Option(help="Head pose, with --drive.")] = DrivePose.relative,
    blink: Annotated[Blink, Option(help="Blinks, with --audio.")] = Blink.auto,
    background: Annotated[
        str, Option(metavar="keep|#rrggbb|PICTURE", help="What is behind the person.")
    ] = "keep",
    refine: Annotated[int | None, Option(metavar="N", help=REFINE_HELP)] = None,
    seed: Annotated[int, Option(help="Same input and seed: same video.")] = 0,
) -> None:
    """Make a single portrait speak a sound file, or copy the motion of a clip."""
    from mimictalk.oneshot_job import REFINE, OneShotSettings, one_shot

    settings = OneShotSettings(
        picture=portrait,
        audio=audio,
        drive=drive,
        out=out,
        style=style,
        style_strength=style_strength,
        pose=pose,
        drive_pose=drive_pose.value,
        blink=blink.value,
        background=background,
        refine=REFINE if refine is None else refine,
        seed=seed,
    )
    facts = one_shot(settings, ctx.obj)
    ctx.obj.result(facts["video"], facts)
