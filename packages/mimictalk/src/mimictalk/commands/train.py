"""mimictalk train STAGE: the generic models' training"""

from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

from mimictalk.commands.command_group import command_group

train = command_group("train", "Train the generic models.")

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
    shards: Annotated[
        list[Path] | None, Option("--shards", metavar="DIR", help="Folder of shards with views.")
    ] = None,
    teacher: Annotated[
        Path | None, Option(metavar="FILE", help="An EG3D generator's weights, in place of shards.")
    ] = None,
    start: Start = None,
    steps: Steps = None,
    device: Device = "cpu",
    perceptual: Perceptual = None,
    tensorboard: Board = False,
    stop_after: StopAfter = None,
) -> None:
    """Stage 1: image-to-plane, from heads that a teacher shows from several sides."""
    if (shards is None) == (teacher is None):
        raise typer.BadParameter("give either --shards or --teacher")
    given = shards or []
    _run(ctx, "i2p", config, given, out, start, steps, device, perceptual, tensorboard, stop_after, teacher)


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
    teacher: Path | None = None,
) -> None:
    from mimictalk.durations import parse_duration
    from mimictalk.training_job import TrainJob, run_training

    seconds = parse_duration(stop_after, "--stop-after") if stop_after else None
    job = TrainJob(
        stage, config, shards, out, start, steps, device, perceptual or [], teacher, tensorboard, seconds
    )
    facts = run_training(job, ctx.obj)
    ctx.obj.result(facts["out"], facts)


@train.command("prepare")
def prepare(
    ctx: typer.Context,
    videos: Annotated[
        list[Path], Argument(metavar="VIDEOS...", help="Clips of one person each, or folders.")
    ],
    out: Annotated[Path, Option("-o", "--out", metavar="DIR", help="Folder for the shards.")],
    first: Annotated[
        str | None, Option(metavar="TIME", help="Use only the first, e.g., 30s, of each.")
    ] = None,
) -> None:
    """Track videos and keep them as training shards; what is there already is not made again."""
    from mimictalk.durations import parse_duration
    from mimictalk.training_prepare import prepare as make

    clips = [p for given in videos for p in (sorted(given.iterdir()) if given.is_dir() else [given])]
    console = ctx.obj
    console.how_to_go_on = "Run the same command to go on with the next video."
    with console.progress() as show:
        done = make(
            clips, out, max_seconds=parse_duration(first, "--first") if first else None, progress=show
        )
    for video, reason in done.refused.items():
        console.warn(f"{video} was left out: {reason}")
    facts = {"out": str(out), "shards": len(done.written), "refused": done.refused}
    console.result(f"{out}: {len(done.written)} shards", facts)


@train.command("ablate")
def ablate(
    ctx: typer.Context,
    shards: Shards,
    held: Annotated[list[Path], Option(metavar="DIR", help="Shards of people to measure on.")],
    out: Out,
    i2p: Annotated[str, Option(metavar="FILE", help="Settings of stage 1.")] = "tiny_i2p",
    motion: Annotated[str, Option(metavar="FILE", help="Settings of stage 2.")] = "tiny_motion",
    torso: Annotated[str, Option(metavar="FILE", help="Settings of stage 3.")] = "tiny_torso",
    only: Annotated[list[str] | None, Option(metavar="NAME", help="One ablation; may be repeated.")] = None,
) -> None:
    """Train without one thing after another, as the paper's table has it, and measure what it is worth."""
    from mimictalk.training_ablation import VARIANTS, as_markdown, run_ablation

    configs = {"i2p": i2p, "motion": motion, "torso": torso}
    facts = run_ablation(configs, shards, held, out, only or list(VARIANTS), ctx.obj)
    ctx.obj.result(as_markdown(facts["table"]).rstrip(), facts)
