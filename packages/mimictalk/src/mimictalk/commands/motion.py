"""mimictalk motion AUDIO [-o motion.csv]"""

from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option


def motion(
    ctx: typer.Context,
    audio: Annotated[Path, Argument(metavar="AUDIO", help="A sound or video file with speech.")],
    out: Annotated[
        Path | None,
        Option("-o", "--out", help="NAME.csv (Live Link Face, default) or NAME.safetensors (all)."),
    ] = None,
    style: Annotated[Path | None, Option(metavar="CLIP", help="Talk in the style of this clip.")] = None,
    seed: Annotated[int, Option(help="Same input and seed: same motion.")] = 0,
) -> None:
    """Turn speech into face motion; writes an ARKit CSV."""
    from mimictalk.motion_files import OF_SPEECH, check_motion_file, write_speech_motion
    from mimictalk.motion_sources import speak, style_prompt

    console = ctx.obj
    target = check_motion_file(out if out is not None else Path(f"{audio.stem}.csv"), audio, OF_SPEECH)
    with console.progress() as progress:
        prompt = style_prompt(style, console, progress) if style is not None else None
        spoken = speak(audio, prompt, console, progress, seed=seed)
    write_speech_motion(target, spoken)
    frames = len(spoken.expression)
    facts = {
        "file": str(target),
        "frames": frames,
        "seconds": frames / float(spoken.fps),
        "fps": float(spoken.fps),
    }
    console.result(str(target), facts)
