"""mimictalk ablate CLIP --out DIR"""

from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option


def ablate(
    ctx: typer.Context,
    video: Annotated[Path, Argument(metavar="CLIP", help="A clip of one person talking.")],
    out: Annotated[Path, Option("-o", "--out", metavar="DIR", help="Folder for results and states.")],
    only: Annotated[
        str | None, Option(metavar="NAMES", help="Some of the variants, such as whole,no-lora,rank-4.")
    ] = None,
    steps: Annotated[int | None, Option(help="Steps of every variant [default: as each needs].")] = None,
    first: Annotated[str | None, Option(metavar="TIME", help="Use only the first, e.g., 30s.")] = None,
    seed: Annotated[int, Option(help="Of everything random.")] = 0,
) -> None:
    """What each part of adapt is worth, measured on a clip."""
    from mimictalk.adapt_ablation import VARIANTS, AblationSettings, run_ablation
    from mimictalk.durations import parse_duration

    names = tuple(name.strip() for name in only.split(",")) if only else tuple(VARIANTS)
    limit = parse_duration(first, "--first") if first else None
    console = ctx.obj
    facts = run_ablation(AblationSettings(video, out, names, steps, seed, limit), console)
    console.result(facts["out"], facts)
