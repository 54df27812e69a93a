"""mimictalk verify OUT.mp4"""

from pathlib import Path
from typing import Annotated

import typer
from typer import Argument


def verify(
    ctx: typer.Context,
    file: Annotated[Path, Argument(metavar="FILE", help="A video or sound file.")],
) -> None:
    """Tell whether a file is marked as synthetic (exit code 1: not)."""
    from mimictalk.marks import read_mark

    mark = read_mark(file)
    if mark is None:
        text = f"{file}: no mark found. That does not prove that it is real: marks can be removed."
        ctx.obj.result(text, {"file": str(file), "marked": False})
        raise typer.Exit(1)
    source = "portrait" if "portraitSha256" in mark else "avatar"
    text = f"{file}: synthetic, made by {mark.get('tool')}, {source} {str(mark.get(source + 'Sha256'))[:12]}"
    ctx.obj.result(text, {"file": str(file), "marked": True, "mark": mark})
