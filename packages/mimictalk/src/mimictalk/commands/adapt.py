"""mimictalk adapt REF.mp4 [-o me/]"""

from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

from mimictalk.commands.video_options import Device, FaceModelFolder, Weights


def adapt(
    ctx: typer.Context,
    video: Annotated[Path, Argument(metavar="REF.mp4", help="A clip of one person talking, 10 s or longer.")],
    out: Annotated[
        Path | None, Option("-o", "--out", help="Avatar folder [default: the clip's name].")
    ] = None,
    steps: Annotated[
        int | None, Option(help="Training steps [default: as many as the preset needs].")
    ] = None,
    budget: Annotated[
        str | None, Option(metavar="TIME", help="Stop training after, e.g., 90s or 10m.")
    ] = None,
    first: Annotated[str | None, Option(metavar="TIME", help="Learn only from the first, e.g., 30s.")] = None,
    seed: Annotated[int, Option(help="Same clip, seed and steps: same avatar.")] = 0,
    consent: Annotated[
        str | None,
        Option(metavar="TEXT|FILE", help="What the person shown agreed to; recorded. Asked for if missing."),
    ] = None,
    licence: Annotated[
        str | None, Option(metavar="TEXT", help="Terms of use of the avatar; recorded.")
    ] = None,
    force: Annotated[bool, Option("--force", help="Replace the avatar that is at --out.")] = False,
    start: Annotated[
        str, Option(help="Weights to start from: embedded, or random to measure what they are worth.")
    ] = "embedded",
    recipe: Annotated[
        str, Option(help="own, or published: losses and settings of the published adaptation.")
    ] = "own",
    segmenter: Annotated[
        Path | None,
        Option(
            metavar="FILE",
            help="Segmentation task file of MediaPipe, such as selfie_multiclass_256x256.tflite.",
        ),
    ] = None,
    tune_motion: Annotated[
        bool,
        Option(
            "--tune-motion/--no-tune-motion",
            help="Learn the way of speaking too; kept where it lowers the error on the clip's held-out end.",
        ),
    ] = True,
    device: Device = "cpu",
    preset: Annotated[
        str, Option(help="small, or full: the published renderer, on weights of yours.")
    ] = "small",
    weights: Weights = None,
    face_model: FaceModelFolder = None,
) -> None:
    """Learn one person from a clip; writes an avatar folder."""
    from mimictalk.adapt_job import AdaptSettings, make_avatar
    from mimictalk.durations import parse_duration

    settings = AdaptSettings(
        video,
        out if out is not None else Path(video.stem),
        steps,
        parse_duration(budget, "--budget") if budget else None,
        parse_duration(first, "--first") if first else None,
        seed,
        consent,
        licence,
        force,
        start,
        segmenter,
        recipe,
        tune_motion,
        device,
        preset,
        weights,
        face_model,
    )
    console = ctx.obj
    facts = make_avatar(settings, console)
    needs = f" --weights {weights} --face-model {face_model}" if preset == "full" else ""
    console.note(f"Next: mimictalk render {facts['avatar']} --audio SPEECH.wav{needs}")
    console.result(facts["avatar"], facts)
