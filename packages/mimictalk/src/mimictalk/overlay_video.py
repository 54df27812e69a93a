"""A video of what tracking found, drawn over the clip."""

from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mimictalk.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from face3dmm import FaceTrack

CHUNK = 16  # frames drawn at a time


def check_overlay(path: Path, source: Path) -> Path:
    """Refuse, before any work, a name that cannot be written.

    Raises:
        InputError: For another suffix than .mp4, a folder, or the input itself.
    """
    if path.suffix.lower() != ".mp4":
        raise InputError(path, "the overlay is an mp4 video", "Choose a name that ends in .mp4.")
    if path.is_dir():
        raise InputError(path, "it is a folder", "Give the name of a video, such as seen.mp4.")
    if path.exists() and source.exists() and path.samefile(source):
        raise InputError(path, "it would overwrite its own input", "Choose another name.")
    return path


def write_overlay(
    path: Path, video: Path, track: "FaceTrack", progress: "Callable[[str, int, int, dict[str, Any]], None]"
) -> None:
    """Draw mesh and landmarks over every tracked frame; silent, constant memory.

    Args:
        path: The .mp4 to make.
        video: The clip that was tracked.
        track: Its track.
        progress: Called with (stage, done, total, {}).
    """
    import numpy as np
    import torch

    from face3dmm import draw_overlay, read_crops
    from mimictalk.video_writer import VideoWriter

    count, done = len(track.coeffs), 0
    frames = islice(read_crops(video, track.crop), count)
    metadata = {"comment": "A recorded video with the tracked face drawn over it by mimictalk"}
    with VideoWriter(path, None, leader="picture", metadata=metadata) as writer:
        while chunk := list(islice(frames, CHUNK)):
            landmarks = track.landmarks[done : done + len(chunk)]
            pictures = torch.from_numpy(np.stack(chunk))
            for picture in draw_overlay(pictures, track.coeffs, landmarks=landmarks, first=done):
                writer.write(picture.numpy())
            done += len(chunk)
            progress("overlay", done, count, {})
