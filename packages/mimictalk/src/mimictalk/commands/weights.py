"""mimictalk weights import PATH | list | verify"""

from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

from mimictalk.commands.command_group import command_group

weights = command_group("weights", "Import weights from published checkpoints, list them, check them.")
Folders = Annotated[
    list[Path] | None,
    Argument(metavar="[FOLDER]...", help="Imported weights [default: these and the embedded ones]."),
]


@weights.command("import")
def import_(
    ctx: typer.Context,
    path: Annotated[
        Path, Argument(metavar="PATH", help="A checkpoint of Real3D-Portrait or MimicTalk, or its folder.")
    ],
    out: Annotated[
        Path | None, Option("-o", "--out", metavar="FOLDER", help="Where to [default: your data folder].")
    ] = None,
    half: Annotated[bool, Option("--half", help="Write float16: half the size.")] = False,
    force: Annotated[bool, Option("--force", help="Replace the weights that are there.")] = False,
) -> None:
    """Turn a published renderer's checkpoint into a folder of safetensors."""
    from mimictalk.weights_import import import_weights

    text, facts = import_weights(path, out, ctx.obj, half=half, force=force)
    for note in facts["notes"]:
        ctx.obj.note(f"note: {note}")
    ctx.obj.result(text, facts)


@weights.command("list")
def list_(ctx: typer.Context, folders: Folders = None) -> None:
    """Name the weights on this machine."""
    from mimictalk.weights_listing import embedded_weights, imported_weights, in_words

    files = imported_weights(folders) if folders else [*embedded_weights(), *imported_weights()]
    ctx.obj.result(in_words(files), {"weights": [file.as_dict() for file in files]})


@weights.command("verify")
def verify_(ctx: typer.Context, folders: Folders = None) -> None:
    """Tell whether weights are as they were written (exit code 1: not)."""
    from mimictalk.weights_listing import embedded_weights, imported_weights
    from mimictalk.weights_verifying import verify

    known = [*embedded_weights(), *imported_weights()]
    wanted = imported_weights(folders) if folders else known
    findings = verify([*wanted, *(file for file in known if file not in wanted)])[: len(wanted)]
    lines = [f"{finding.file.path}: {finding.sentence}" for finding in findings]
    intact = all(finding.intact is not False for finding in findings)
    ctx.obj.result("\n".join(lines), {"intact": intact, "files": [finding.as_dict() for finding in findings]})
    if not intact:
        raise typer.Exit(1)
