"""mimictalk train a2m|a2m-vae|sync|prepare-speech: the audio-to-motion models' training"""

from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

from mimictalk.commands.train import Board, Device, Steps, StopAfter, train

Data = Annotated[
    list[Path], Option("--data", metavar="DIR", help="Folder of speech shards; may be given several times.")
]
Out = Annotated[Path, Option("-o", "--out", metavar="DIR", help="Folder for weights, state and log.")]
Config = Annotated[
    str | None,
    Option(metavar="FILE", help="Settings (.toml, .json) or a recipe [default: the stage's usual one]."),
]
Held = Annotated[
    list[Path] | None, Option("--held", metavar="DIR", help="Shards of others, to choose the weights on.")
]
Expert = Annotated[
    Path | None, Option(metavar="FILE", help="Another sync expert, for losses.sync [default: embedded].")
]


@train.command("a2m")
def a2m(
    ctx: typer.Context,
    data: Data,
    out: Out,
    config: Config = None,
    held: Held = None,
    start: Annotated[
        str | None, Option(metavar="FILE", help="Weights to begin with, or small [default: random ones].")
    ] = None,
    expert: Expert = None,
    steps: Steps = None,
    device: Device = "cpu",
    tensorboard: Board = False,
    stop_after: StopAfter = None,
) -> None:
    """Audio to motion, in context: small_a2m, or full_a2m at the published size."""
    _run(ctx, "a2m", data, out, config, held, start, expert, steps, device, tensorboard, stop_after)


@train.command("a2m-vae")
def a2m_vae(
    ctx: typer.Context,
    data: Data,
    out: Out,
    config: Config = None,
    held: Held = None,
    expert: Expert = None,
    steps: Steps = None,
    device: Device = "cpu",
    tensorboard: Board = False,
    stop_after: StopAfter = None,
) -> None:
    """Audio to motion, by the flow-prior VAE of Real3D-Portrait."""
    _run(ctx, "a2m-vae", data, out, config, held, None, expert, steps, device, tensorboard, stop_after)


@train.command("sync")
def sync(
    ctx: typer.Context,
    data: Data,
    out: Out,
    config: Config = None,
    held: Held = None,
    steps: Steps = None,
    device: Device = "cpu",
    tensorboard: Board = False,
    stop_after: StopAfter = None,
) -> None:
    """The sync expert: whether a mouth goes with its sound."""
    _run(ctx, "sync", data, out, config, held, None, None, steps, device, tensorboard, stop_after)


@train.command("prepare-speech")
def prepare_speech(
    ctx: typer.Context,
    videos: Annotated[
        list[Path], Argument(metavar="VIDEOS...", help="Clips of one person talking each, or folders.")
    ],
    out: Annotated[Path, Option("-o", "--out", metavar="DIR", help="Folder for the shards.")],
    hubert: Annotated[
        str | None, Option(metavar="SOURCE", help="Folder or hub name of HuBERT, for the published sizes.")
    ] = None,
    first: Annotated[
        str | None, Option(metavar="TIME", help="Use only the first, e.g., 30s, of each.")
    ] = None,
) -> None:
    """Track talking videos and keep sound and motion as shards; what is there is not made again."""
    from mimictalk.durations import parse_duration
    from mimictalk.training_speech import prepare_speech as make

    clips = [
        clip
        for given in videos
        for clip in (sorted(p for p in given.iterdir() if p.is_file()) if given.is_dir() else [given])
    ]
    console = ctx.obj
    console.how_to_go_on = "Run the same command to go on with the next video."
    with console.progress() as show:
        seconds = parse_duration(first, "--first") if first else None
        done = make(clips, out, hubert=hubert, max_seconds=seconds, progress=show)
    for video, reason in done.refused.items():
        console.warn(f"{video} was left out: {reason}")
    facts = {"out": str(out), "shards": len(done.written), "refused": done.refused}
    console.result(f"{out}: {len(done.written)} shards", facts)


def _run(
    ctx: typer.Context,
    stage: str,
    data: list[Path],
    out: Path,
    config: str | None,
    held: list[Path] | None,
    start: str | None,
    expert: Path | None,
    steps: int | None,
    device: str,
    tensorboard: bool,
    stop_after: str | None,
) -> None:
    from mimictalk.durations import parse_duration
    from mimictalk.training_talk import TalkTrainJob, run_talk_training

    seconds = parse_duration(stop_after, "--stop-after") if stop_after else None
    job = TalkTrainJob(
        stage, data, out, config, held or [], start, expert, steps, device, tensorboard, seconds
    )
    facts = run_talk_training(job, ctx.obj)
    ctx.obj.result(facts["out"], facts)
