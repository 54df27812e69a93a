"""mimictalk motion AUDIO [-o motion.csv|face.glb]"""

from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

from mimictalk.commands.video_options import Blink, Style, StyleStrength


def motion(
    ctx: typer.Context,
    audio: Annotated[Path, Argument(metavar="AUDIO", help="A sound or video file with speech.")],
    out: Annotated[
        Path | None,
        Option(
            "-o",
            "--out",
            help="NAME.csv (Live Link Face, default), NAME.json or NAME.npz (coefficients), "
            "visemes.json or NAME.visemes.json, NAME.glb, .usdc or .usda (a face in motion), "
            "NAME.safetensors (all).",
        ),
    ] = None,
    style: Style = None,
    style_strength: StyleStrength = 1.0,
    pose: Annotated[str, Option(metavar="ref|static|CLIP", help="Head motion.")] = "ref",
    blink: Annotated[Blink, Option(help="Blinks.")] = Blink.auto,
    temperature: Annotated[float, Option(help="0 the mean motion, more varied up to 2.")] = 0.1,
    seed: Annotated[int, Option(help="Same input and seed: same motion.")] = 0,
) -> None:
    """Turn speech into face motion: CSV, JSON, visemes, glTF, USD."""
    from mimictalk.motion_job import MotionSettings, make_motion

    settings = MotionSettings(
        audio=audio,
        out=out,
        style=style,
        style_strength=style_strength,
        pose=pose,
        blink=blink.value,
        temperature=temperature,
        seed=seed,
    )
    facts = make_motion(settings, ctx.obj)
    ctx.obj.result(facts["file"], facts)
