"""mimictalk render [me/] --audio SPEECH.wav | --drive CLIP.mp4"""

from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

from mimictalk.commands.video_options import (
    Audio,
    AudioFormat,
    AudioFormatOption,
    Background,
    BlinkOption,
    C2paCert,
    C2paKey,
    Device,
    Drive,
    DrivePose,
    DrivePoseOption,
    FaceModelFolder,
    Gaze,
    Label,
    Mouth,
    NoProvenance,
    NoWatermark,
    Pose,
    Seed,
    Size,
    Style,
    StyleStrength,
    Transparent,
    Weights,
)


def render(
    ctx: typer.Context,
    avatar: Annotated[
        Path | None, Argument(metavar="AVATAR", help="Avatar folder [default: the one adapted last].")
    ] = None,
    audio: Audio = None,
    audio_format: AudioFormatOption = AudioFormat.wav,
    drive: Drive = None,
    out: Annotated[
        Path | None, Option("-o", "--out", help="Video to write [default: AVATAR-FILE.mp4]; - for stdout.")
    ] = None,
    style: Style = None,
    style_strength: StyleStrength = 1.0,
    pose: Pose = "ref",
    drive_pose: DrivePoseOption = DrivePose.relative,
    mouth: Mouth = 1.0,
    blink: BlinkOption = "auto",
    gaze: Gaze = "auto",
    background: Background = "keep",
    transparent: Transparent = False,
    size: Size = 512,
    seed: Seed = 0,
    label: Label = None,
    no_watermark: NoWatermark = None,
    no_provenance: NoProvenance = None,
    c2pa_cert: C2paCert = None,
    c2pa_key: C2paKey = None,
    device: Device = "cpu",
    weights: Weights = None,
    face_model: FaceModelFolder = None,
) -> None:
    """Make an avatar speak a sound file, or copy a clip's motion."""
    from mimictalk.render_job import RenderSettings, render_avatar

    settings = RenderSettings(
        avatar=avatar,
        audio=audio,
        audio_format=audio_format.value,
        drive=drive,
        out=out,
        style=style,
        style_strength=style_strength,
        pose=pose,
        drive_pose=drive_pose.value,
        mouth=mouth,
        blink=blink,
        gaze=gaze,
        background=background,
        transparent=transparent,
        size=size,
        seed=seed,
        label=label,
        no_watermark=no_watermark,
        no_provenance=no_provenance,
        c2pa_cert=c2pa_cert,
        c2pa_key=c2pa_key,
        device=device,
        weights=weights,
        face_model=face_model,
    )
    facts = render_avatar(settings, ctx.obj)
    ctx.obj.result(facts["video"], facts)
