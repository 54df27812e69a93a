"""mimictalk demo"""

from pathlib import Path
from typing import Annotated

import typer
from typer import Option


def demo(
    ctx: typer.Context,
    out: Annotated[Path, Option("-o", "--out", help="Folder for everything the demo makes.")] = Path(
        "mimictalk-demo"
    ),
    steps: Annotated[int | None, Option(help="Training steps [default: few, for a first look].")] = None,
) -> None:
    """The whole way on built-in synthetic material."""
    from mimictalk.demo import run_demo

    facts = run_demo(out, steps, ctx.obj)
    ctx.obj.result(facts["video"], facts)
