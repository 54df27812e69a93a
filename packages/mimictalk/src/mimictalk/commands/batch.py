"""mimictalk batch JOBS.jsonl"""

from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

from mimictalk.commands.preprocess import RayAddress, Workers


def batch(
    ctx: typer.Context,
    jobs: Annotated[Path, Argument(metavar="JOBS", help="One job a line: .jsonl or .csv, see the README.")],
    report: Annotated[
        Path | None,
        Option("--report", metavar="DIR", help="For progress and report [default: JOBS-report]."),
    ] = None,
    workers: Workers = None,
    devices: Annotated[
        str | None,
        Option(
            metavar="SLOTS",
            help="Where jobs run, such as cpu:2,cuda:0,cuda:1 [default: a process per core and CUDA device].",
        ),
    ] = None,
    ray: RayAddress = None,
) -> None:
    """Run lists of adapt, render and oneshot jobs."""
    from mimictalk.batch_job import as_table, run_batch
    from mimictalk.batch_list import check_devices, read_jobs
    from mimictalk.errors import InputError
    from mimictalk.units.devices import OPTION, Devices, all_devices, parse_devices
    from mimictalk.units.runners import open_runner

    listed = read_jobs(jobs)
    if devices is not None and workers is not None:
        raise InputError(OPTION, "--workers is given too", "Leave it out: cpu:N says the same.")
    slots: Devices | None
    if devices is not None:
        slots = parse_devices(devices)
    elif ray is None:
        slots = all_devices(workers)
    else:
        slots = Devices(workers) if workers else None
    folder = report or jobs.with_name(f"{jobs.stem}-report")
    ctx.obj.how_to_go_on = "The same command goes on where it stopped."
    with open_runner(slots, ray) as runner:
        check_devices(jobs, listed, runner.kinds())
        facts = run_batch(listed, folder, runner, ctx.obj)
    ctx.obj.result(as_table(facts), {**facts, "report": str(folder)})
    if facts["failed"]:
        raise typer.Exit(1)
