"""mimictalk track VIDEO [-o face.csv] [--overlay seen.mp4]"""

from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option


def track(
    ctx: typer.Context,
    video: Annotated[Path, Argument(metavar="VIDEO", help="A clip of one person.")],
    out: Annotated[
        Path | None,
        Option(
            "-o",
            "--out",
            help="NAME.csv (Live Link Face, default), .json, .npz, "
            ".glb, .usdc or .usda (the face in motion), .safetensors (all).",
        ),
    ] = None,
    first: Annotated[str | None, Option(metavar="TIME", help="Track only the first, e.g., 30s.")] = None,
    overlay: Annotated[
        Path | None, Option(help="Also a video of mesh and landmarks over the clip, NAME.mp4.")
    ] = None,
) -> None:
    """Follow the face in a clip; writes an ARKit CSV."""
    from mimictalk.durations import parse_duration
    from mimictalk.motion_files import OF_TRACKS, check_motion_file, write_track
    from mimictalk.overlay_video import check_overlay, write_overlay
    from mimictalk.tracked_motion import track_for

    console = ctx.obj
    target = check_motion_file(out if out is not None else Path(f"{video.stem}.csv"), video, OF_TRACKS)
    seconds = parse_duration(first, "--first") if first else None
    if overlay is not None:
        check_overlay(overlay, video)
    with console.progress() as progress:
        face = track_for(video, progress, seconds)
    for warning in face.warnings:
        console.warn(warning)
    write_track(target, face)
    if overlay is not None:
        with console.progress() as progress:
            write_overlay(overlay, video, face, progress)
    frames = len(face.coeffs.expression)
    facts = {"file": str(target), "frames": frames, "seconds": frames / face.fps, "fps": face.fps}
    if overlay is not None:
        facts["overlay"] = str(overlay)
    console.result(str(target), facts)
