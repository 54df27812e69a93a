"""mimictalk stream [me/]"""

from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

from mimictalk.commands.serve import Host, Names
from mimictalk.commands.video_options import (
    Background,
    BlinkOption,
    Device,
    Gaze,
    Label,
    Mouth,
    NoWatermark,
    Pose,
    Seed,
    Size,
    Style,
    StyleStrength,
)


def stream(
    ctx: typer.Context,
    avatar: Annotated[
        Path | None, Argument(metavar="AVATAR", help="Avatar folder [default: the one adapted last].")
    ] = None,
    size: Size = 256,
    delay: Annotated[
        float | None, Option(metavar="SECONDS", help="From sound in to sound out [default: as needed here].")
    ] = None,
    host: Host = "127.0.0.1",
    port: Annotated[int, Option(help="0 for any free one.")] = 7880,
    name: Names = None,
    ice_server: Annotated[
        list[str] | None, Option(metavar="URL", help="stun: or turn: server for WebRTC [default: none].")
    ] = None,
    viewers: Annotated[int, Option(help="Who may watch at once.")] = 4,
    style: Style = None,
    style_strength: StyleStrength = 1.0,
    pose: Pose = "ref",
    mouth: Mouth = 1.0,
    blink: BlinkOption = "auto",
    gaze: Gaze = "auto",
    background: Background = "keep",
    seed: Seed = 0,
    label: Label = None,
    no_watermark: NoWatermark = None,
    device: Device = "cpu",
) -> None:
    """Speak live: microphone or socket in, WebRTC or mp4 out."""
    from mimictalk.render_job import RenderSettings
    from mimictalk.streaming.server import stream as serve
    from mimictalk.streaming.settings import StreamSettings
    from mimictalk.video_settings import PIPE

    video = RenderSettings(
        avatar=avatar,
        audio=PIPE,
        out=PIPE,
        style=style,
        style_strength=style_strength,
        pose=pose,
        mouth=mouth,
        blink=blink,
        gaze=gaze,
        background=background,
        seed=seed,
        label=label,
        no_watermark=no_watermark,
        device=device,
    )
    servers = tuple(ice_server or ())
    serve(StreamSettings(video, size, delay, host, port, tuple(name or ()), servers, viewers), ctx.obj)
