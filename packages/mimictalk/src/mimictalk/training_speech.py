"""Videos of people talking -> shards of speech: tracked, heard, cut where the face was lost."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mimictalk.errors import InputError
from mimictalk.prompting import TRUSTED, mouth_moves
from mimictalk.training_prepare import Prepared

if TYPE_CHECKING:
    from torch import Tensor

    from talk_motion.full.hubert import Hubert

Progress = Callable[[str, int, int, dict[str, Any]], None]
SHORTEST = 50  # frames of a stretch that is worth a shard


def prepare_speech(
    videos: Sequence[Path],
    out: Path,
    *,
    hubert: str | None = None,
    max_seconds: float | None = None,
    progress: Progress,
) -> Prepared:
    """Make shards of each video; those that are there already are kept, so that a stopped run goes on.

    Args:
        videos: Clips of one person talking each.
        out: Folder for the shards, named after the video, a hash of its place, and the first frame.
        hubert: Folder or hub name of HuBERT, whose content the published sizes hear; None for none.
        max_seconds: Use the beginning only.
        progress: Called with (stage, done, total, numbers).

    Raises:
        InputError: If not one video can be used, or HuBERT cannot be loaded.
    """
    from face3dmm.errors import InputError as FaceError
    from talk_motion.errors import InputError as SoundError

    network = None
    if hubert is not None:
        from talk_motion.full.hubert import Hubert

        network = Hubert.load(hubert)
    out.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    refused: dict[str, str] = {}
    for number, video in enumerate(videos):
        stem = f"{video.stem}-{hashlib.sha256(str(video.resolve()).encode()).hexdigest()[:8]}"
        made = sorted(out.glob(f"{stem}-*.safetensors")) if (out / f"{stem}.done").is_file() else []
        if not made:
            try:
                made = [*write_shards(video, out / stem, network, max_seconds, progress)]
                (out / f"{stem}.done").touch()
            except (FaceError, SoundError, InputError) as error:
                refused[str(video)] = " ".join(str(error).split())
                continue
        written += made
        progress("videos", number + 1, len(videos), {"refused": len(refused)})
    if not written:
        first, reason = next(iter(refused.items()), ("VIDEOS", "none was given"))
        raise InputError(first, reason, "Give clips of one person who talks into the camera.")
    return Prepared(written, refused)


def write_shards(
    video: Path, stem: Path, hubert: "Hubert | None", max_seconds: float | None, progress: Progress
) -> Iterator[Path]:
    """One shard for each stretch of a video in which a face is seen; gives their paths.

    Raises:
        InputError: If the clip has no face, no speech, or a mouth that does not move.
    """
    from face3dmm import track_video
    from mimictalk.checking import check_clip_sound
    from talk_motion.audio import load_audio
    from talk_motion.training.speech_shards import write_speech_shard

    features, heard = check_clip_sound(video)
    if features is None:
        raise InputError(video, heard[-1].split(":")[0], "Give clips with speech.")
    track = track_video(video, max_seconds=max_seconds, progress=progress)
    if not mouth_moves(track):
        raise InputError(video, "the mouth does not move, or is covered", "Give clips with a clear mouth.")
    frames = min(features.frames, len(track.coeffs.expression))
    speech = hubert.features(load_audio(video), frames) if hubert is not None else None
    stretches = list(runs(track.coeffs.confidence[:frames] >= TRUSTED))
    if not stretches:
        cause = f"the face is nowhere seen for {SHORTEST / 25:g} s on end"
        raise InputError(video, cause, "Give clips of one person who looks into the camera.")
    for start, stop in stretches:
        tensors = {
            "audio": features.slice(start, stop).stack(),
            "expression": track.coeffs.expression[start:stop],
        }
        if speech is not None:
            part = speech.slice(start, stop)
            tensors |= {"content": part.content, "pitch": part.pitch}
        path = stem.with_name(f"{stem.name}-{start:06d}.safetensors")
        facts = {"exact": False, "source": track.source_hash, "start": start, "name": video.name}
        write_speech_shard(path, tensors, facts)
        yield path


def runs(good: "Tensor") -> Iterator[tuple[int, int]]:
    """First and one past the last index of each run of True in (T,) bool that is long enough."""
    import torch

    edges = torch.diff(torch.nn.functional.pad(good.int(), (1, 1)))
    starts, stops = torch.nonzero(edges > 0).flatten(), torch.nonzero(edges < 0).flatten()
    for start, stop in zip(starts.tolist(), stops.tolist(), strict=True):
        if stop - start >= SHORTEST:
            yield start, stop
