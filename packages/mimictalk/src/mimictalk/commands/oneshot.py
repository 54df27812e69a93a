"""mimictalk oneshot PORTRAIT.png --audio SPEECH.wav | --drive CLIP.mp4"""

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

REFINE_HELP = "Steps that learn the likeness; 0 for the quick, rough one [default: 60]."


def oneshot(
    ctx: typer.Context,
    portrait: Annotated[
        Path, Argument(metavar="PORTRAIT", help="A photo, painting or drawing: PNG, JPEG, WebP.")
    ],
    audio: Audio = None,
    audio_format: AudioFormatOption = AudioFormat.wav,
    drive: Drive = None,
    out: Annotated[
        Path | None, Option("-o", "--out", help="Video to write [default: PORTRAIT-FILE.mp4]; - for stdout.")
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
    refine: Annotated[int | None, Option(metavar="N", help=REFINE_HELP)] = None,
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
    """Make a single portrait speak, or copy a clip's motion."""
    from mimictalk.oneshot_job import REFINE, OneShotSettings, one_shot

    settings = OneShotSettings(
        picture=portrait,
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
        refine=(REFINE if (weights, face_model) == (None, None) else 0) if refine is None else refine,
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
    facts = one_shot(settings, ctx.obj)
    ctx.obj.result(facts["video"], facts)
