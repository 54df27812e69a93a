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
    ray: RayAddress = None,
) -> None:
    """Run lists of adapt, render and oneshot jobs."""
    from mimictalk.batch_job import as_table, run_batch
    from mimictalk.batch_list import read_jobs
    from mimictalk.units.runners import open_runner

    listed = read_jobs(jobs)
    folder = report or jobs.with_name(f"{jobs.stem}-report")
    ctx.obj.how_to_go_on = "The same command goes on where it stopped."
    with open_runner(workers, ray) as runner:
        facts = run_batch(listed, folder, runner, ctx.obj)
    ctx.obj.result(as_table(facts), {**facts, "report": str(folder)})
    if facts["failed"]:
        raise typer.Exit(1)
