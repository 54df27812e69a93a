"""mimictalk check REF.mp4"""

from pathlib import Path
from typing import Annotated

import typer
from typer import Argument


def check(
    ctx: typer.Context,
    video: Annotated[Path, Argument(metavar="REF.mp4", help="The clip to judge.")],
) -> None:
    """Say whether a clip is fit for adapt, without training.

    Each point is go, warn or no-go, with what helps.
    """
    from mimictalk.checking import check_reference
    from mimictalk.judgement import NO_GO, as_lines

    console = ctx.obj
    with console.progress() as progress:
        verdict = check_reference(video, progress)
    lines = as_lines(verdict.judgements)
    for warning in verdict.warnings:
        console.warn(warning)
    for line in lines if verdict.grade == NO_GO else ():
        console.note(line)
    verdict.refuse_no_go(video)
    checks = [one.as_dict() for one in verdict.judgements]
    told = {**verdict.facts, "grade": verdict.grade, "checks": checks}
    console.result("\n".join([f"{video}: fit for adapt", *lines]), told)
