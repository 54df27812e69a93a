"""mimictalk check REF.mp4"""

from pathlib import Path
from typing import Annotated

import typer
from typer import Argument


def check(
    ctx: typer.Context,
    video: Annotated[Path, Argument(metavar="REF.mp4", help="The clip to judge.")],
) -> None:
    """Say whether a clip is fit for adapt, without training."""
    from mimictalk.checking import check_reference

    console = ctx.obj
    with console.progress() as progress:
        verdict = check_reference(video, progress)
    for warning in verdict.warnings:
        console.warn(warning)
    console.result(f"{video}: fit for adapt", verdict.facts)
