"""mimictalk verify OUT.mp4"""

from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option


def verify(
    ctx: typer.Context,
    file: Annotated[Path, Argument(metavar="FILE", help="A video, sound or PNG file; a folder of PNGs.")],
    trust: Annotated[
        Path | None, Option(metavar="PEM", help="Root certificates of signers that you trust.")
    ] = None,
) -> None:
    """Tell whether a file is marked as synthetic (exit code 1: not)."""
    from mimictalk.verifying import verify_file

    sentences, facts = verify_file(file, trust)
    ctx.obj.result("\n".join(sentences), facts)
    if not facts["marked"]:
        raise typer.Exit(1)
