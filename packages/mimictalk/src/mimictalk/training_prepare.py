"""Videos of people -> training shards: tracked, masked, cut into pieces of a bounded length."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mimictalk.errors import InputError
from mimictalk.training_shards import write_shard

if TYPE_CHECKING:
    import numpy as np

    from face3dmm import FaceTrack
    from portrait3d.clip import PortraitClip

Progress = Callable[[str, int, int, dict[str, Any]], None]


@dataclass(frozen=True)
class Prepared:
    """What became of a batch of videos.

    Attributes:
        written: Shards, those that were there already included.
        refused: Video to the reason why it cannot be used.
    """

    written: list[Path]
    refused: dict[str, str]


def prepare(videos: Sequence[Path], out: Path, *, max_seconds: float | None, progress: Progress) -> Prepared:
    """Make one shard of each video; one that is there already is kept, so that a stopped run goes on.

    Args:
        videos: Clips of one person each.
        out: Folder for the shards, named after the video and a hash of its place.
        max_seconds: Use the beginning only.
        progress: Called with (stage, done, total, numbers).

    Raises:
        InputError: If not one video can be used.
    """
    from face3dmm import track_video
    from face3dmm.errors import InputError as FaceError
    from mimictalk.portrait_material import portrait_clip

    out.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    refused: dict[str, str] = {}
    for number, video in enumerate(videos):
        path = out / shard_name(video)
        if not path.is_file():
            try:
                track = track_video(video, max_seconds=max_seconds, progress=progress)
                clip = portrait_clip(video, track, max_seconds, progress)
            except FaceError as error:
                refused[str(video)] = " ".join(str(error).split())
                continue
            write_shard(path, shard_arrays(track, clip), {"consecutive": True, "fps": clip.fps})
        written.append(path)
        progress("videos", number + 1, len(videos), {"refused": len(refused)})
    if not written:
        first, reason = next(iter(refused.items()), ("VIDEOS", "none was given"))
        raise InputError(first, reason, "Give clips of one person who looks into the camera.")
    return Prepared(written, refused)


def shard_name(video: Path) -> str:
    """Name of a video's shard: its own, and a hash of its place, so that two clip.mp4 do not meet."""
    return f"{video.stem}-{hashlib.sha256(str(video.resolve()).encode()).hexdigest()[:8]}.safetensors"


def shard_arrays(track: "FaceTrack", clip: "PortraitClip") -> "dict[str, np.ndarray]":
    """A tracked clip as the arrays of a shard."""
    count, coeffs = len(clip), track.coeffs
    tensors = {
        "frames": clip.frames, "head": clip.head_mask, "torso": clip.torso_mask, "plate": clip.background,
        "identity": coeffs.identity, "expression": coeffs.expression[:count], "euler": coeffs.euler[:count],
        "translation": coeffs.translation[:count], "gaze": coeffs.gaze[:count],
        "landmarks": track.landmarks[:count, :, :2], "camera_to_world": clip.camera_to_world,
        "intrinsics": clip.intrinsics, "confidence": clip.confidence,
    }  # fmt: skip
    return {name: tensor.numpy() for name, tensor in tensors.items()}
