"""mimictalk preprocess CLIPS"""

from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

Workers = Annotated[int | None, Option(min=1, help="Processes at once [default: one per core].")]
RayAddress = Annotated[
    str | None,
    Option(metavar="ADDRESS", help="Run on Ray: local, auto or host:port, in place of local processes."),
]


def preprocess(
    ctx: typer.Context,
    clips: Annotated[str, Argument(help="A folder of clips, a list of them (.txt), or protocol://...")],
    out: Annotated[str, Option("-o", "--out", metavar="DIR", help="Folder for shards, or protocol://...")],
    first: Annotated[str, Option(metavar="TIME", help="Longest stretch used of each clip.")] = "60s",
    workers: Workers = None,
    ray: RayAddress = None,
    ledger: Annotated[
        Path | None, Option(metavar="FILE", help="Where progress is kept [default: in the folder].")
    ] = None,
) -> None:
    """Track any number of clips into training shards."""
    from mimictalk.durations import parse_duration
    from mimictalk.errors import InputError
    from mimictalk.preprocessing import LEDGER, PreprocessSettings, find_clips
    from mimictalk.preprocessing import preprocess as make
    from mimictalk.units.devices import Devices
    from mimictalk.units.runners import open_runner
    from mimictalk.units.store import is_remote

    if ledger is None and is_remote(out):
        raise InputError("--ledger", "an object store cannot keep the progress", "Give a local file.")
    settings = PreprocessSettings(parse_duration(first, "--first"))
    find_clips(clips)  # before anything is started
    ctx.obj.how_to_go_on = "The same command goes on where it stopped."
    with open_runner(Devices(workers) if workers else None, ray) as runner:
        facts = make(clips, out, ledger or Path(out) / LEDGER, settings, runner, ctx.obj)
    ctx.obj.result(f"{facts['shards']} shards of {facts['clips']} clips in {out}", facts)
