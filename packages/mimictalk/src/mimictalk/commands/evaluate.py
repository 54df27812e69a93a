"""mimictalk evaluate [me/] --against CLIP"""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option


class Protocol(StrEnum):
    same = "same"
    cross = "cross"


def evaluate(
    ctx: typer.Context,
    against: Annotated[Path, Option(metavar="CLIP", help="The true clip; it also drives the avatar.")],
    avatar: Annotated[
        Path | None, Argument(metavar="AVATAR", help="Avatar folder [default: the one adapted last].")
    ] = None,
    video: Annotated[
        Path | None, Option(metavar="VIDEO", help="Judge this video as it is, in place of an avatar.")
    ] = None,
    first_frame: Annotated[
        bool, Option("--first-frame", help="Judge one-shot rendering of the clip's own first frame.")
    ] = False,
    out: Annotated[
        Path | None, Option("-o", "--out", help="Folder of the report [default: AVATAR-against-CLIP].")
    ] = None,
    protocol: Annotated[
        Protocol, Option(help="same: the clip shows the avatar's person; cross: somebody else.")
    ] = Protocol.same,
    begin: Annotated[
        str | None,
        Option("--from", metavar="TIME", help="Leave out the beginning [default: what was learned from]."),
    ] = None,
    source: Annotated[
        Path | None, Option(metavar="CLIP", help="With cross: the avatar's person, for CSIM and FID.")
    ] = None,
    lpips: Annotated[
        list[Path] | None, Option(metavar="FILE", help="Weights of LPIPS; twice where they are in two files.")
    ] = None,
    inception: Annotated[Path | None, Option(metavar="FILE", help="Weights of FID's Inception-v3.")] = None,
    arcface: Annotated[Path | None, Option(metavar="FILE", help="Weights of ArcFace, for CSIM.")] = None,
) -> None:
    """Measure an avatar, or any video, beside a true clip."""
    from mimictalk.durations import parse_duration
    from mimictalk.evaluate_job import EvaluateSettings
    from mimictalk.evaluate_job import evaluate as judge

    settings = EvaluateSettings(
        against,
        avatar,
        video,
        first_frame,
        out,
        protocol.value,
        parse_duration(begin, "--from") if begin else None,
        source,
        tuple(lpips or ()),
        inception,
        arcface,
    )
    facts = judge(settings, ctx.obj)
    text = "\n\n".join(f"{title}\n{table}" for title, table in facts["tables"].items())
    ctx.obj.result(f"{text}\n\n{facts['report']}", facts)
