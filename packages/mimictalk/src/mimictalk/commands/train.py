"""mimictalk train STAGE: the generic models' training"""

from pathlib import Path
from typing import Annotated

import typer
from typer import Option

train = typer.Typer(
    help="Train the generic models.",
    no_args_is_help=True,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Config = Annotated[
    str, Option(metavar="FILE", help="Settings (.toml, .json), or a recipe such as small_i2p.")
]
Shards = Annotated[
    list[Path],
    Option("--shards", metavar="DIR", help="Folder of training shards; may be given several times."),
]
Out = Annotated[Path, Option("-o", "--out", metavar="DIR", help="Folder for weights, state and log.")]
Start = Annotated[
    str | None, Option(metavar="DIR", help="Weights of an earlier stage, or small [default: random ones].")
]
Steps = Annotated[int | None, Option(min=1, help="Steps, in place of the settings'.")]
Device = Annotated[str, Option(help="cpu or cuda.")]
Perceptual = Annotated[
    list[Path] | None, Option(metavar="FILE", help="Weights of VGG19, VGGFace for the perceptual loss.")
]
Board = Annotated[bool, Option("--tensorboard", help="Also write for TensorBoard.")]
StopAfter = Annotated[
    str | None, Option(metavar="TIME", help="Stop after, e.g., 20m; the same command goes on.")
]


@train.command("i2p")
def i2p(
    ctx: typer.Context,
    config: Config,
    out: Out,
    shards: Shards = [],  # noqa: B006 - typer's way of an option that may be given several times
    start: Start = None,
    steps: Steps = None,
    device: Device = "cpu",
    perceptual: Perceptual = None,
    tensorboard: Board = False,
    stop_after: StopAfter = None,
) -> None:
    """Stage 1: image-to-plane, from heads that a teacher shows from several sides."""
    _run(ctx, "i2p", config, shards, out, start, steps, device, perceptual, tensorboard, stop_after)


@train.command("motion")
def motion(
    ctx: typer.Context,
    config: Config,
    shards: Shards,
    out: Out,
    start: Start = None,
    steps: Steps = None,
    device: Device = "cpu",
    perceptual: Perceptual = None,
    tensorboard: Board = False,
    stop_after: StopAfter = None,
) -> None:
    """Stage 2: the motion adapter, from videos."""
    _run(ctx, "motion", config, shards, out, start, steps, device, perceptual, tensorboard, stop_after)


@train.command("torso")
def torso(
    ctx: typer.Context,
    config: Config,
    shards: Shards,
    out: Out,
    start: Start = None,
    steps: Steps = None,
    device: Device = "cpu",
    perceptual: Perceptual = None,
    tensorboard: Board = False,
    stop_after: StopAfter = None,
) -> None:
    """Stage 3: torso and background, from videos."""
    _run(ctx, "torso", config, shards, out, start, steps, device, perceptual, tensorboard, stop_after)


def _run(
    ctx: typer.Context,
    stage: str,
    config: str,
    shards: list[Path],
    out: Path,
    start: str | None,
    steps: int | None,
    device: str,
    perceptual: list[Path] | None,
    tensorboard: bool,
    stop_after: str | None,
) -> None:
    from mimictalk.durations import parse_duration
    from mimictalk.training_job import TrainJob, run_training

    seconds = parse_duration(stop_after, "--stop-after") if stop_after else None
    job = TrainJob(
        stage, config, shards, out, start, steps, device, perceptual or [], None, tensorboard, seconds
    )
    facts = run_training(job, ctx.obj)
    ctx.obj.result(facts["out"], facts)
