"""Any number of clips -> training shards with sound, one clip a unit of work (`mimictalk preprocess`)."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mimictalk import __version__
from mimictalk.console import Console
from mimictalk.errors import InputError
from mimictalk.units.ledger import Ledger
from mimictalk.units.store import Store, fetched, is_remote, listed
from mimictalk.units.unit import Outcome, Runner, Unit

if TYPE_CHECKING:
    import numpy as np

VIDEOS = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v")
INDEX, FAILURES, LEDGER = "index.json", "failures.json", "progress.jsonl"
BLOCK = 1 << 20


@dataclass(frozen=True)
class PreprocessSettings:
    """What `preprocess` makes of each clip.

    Attributes:
        max_seconds: Longest stretch of a clip that is used, from its beginning.
    """

    max_seconds: float = 60.0

    def __post_init__(self) -> None:
        if not 1 <= self.max_seconds <= 3600:
            raise InputError("--first", f"{self.max_seconds:g} s is out of range", "Give 1s to 1h.")


def find_clips(source: str) -> list[str]:
    """The clips of a folder, of a list (a text file, one place a line), or the one that is named.

    Raises:
        InputError: If there are none.
    """
    folder = not source.lower().endswith((*VIDEOS, ".txt")) if is_remote(source) else Path(source).is_dir()
    if folder:
        clips = listed(source, VIDEOS)
    elif source.lower().endswith(VIDEOS):
        clips = [source]
    else:
        with fetched(source) as path:
            clips = _lines_of(path, source)
    if not clips:
        raise InputError(
            source, "there is no video in it", f"Give clips that end in {', '.join(VIDEOS[:4])}."
        )
    return clips


def preprocess(
    source: str, out: str, ledger: Path, settings: PreprocessSettings, runner: Runner, console: Console
) -> dict[str, Any]:
    """Make the shards that are not there yet, then the index; returns facts for `--json`.

    Args:
        source: See `find_clips`.
        out: Folder or store for the shards.
        ledger: Where the progress of this run is kept, a local file.
        settings: Of every clip.
        runner: Where the work is done.
        console: For progress and warnings.
    """
    clips, store = find_clips(source), Store(out)
    book = Ledger(ledger)
    units, sources, unread = _units(clips, out, settings)
    done: dict[str, Outcome] = {}
    with console.progress() as show:
        show("clips", 0, len(units), {})
        outcomes = book.run(units, runner, still_good=lambda o: store.has(o.facts["shard"]))
        for number, outcome in enumerate(outcomes, 1):
            done[outcome.name] = outcome
            failed = sum(not o.done for o in done.values())
            show("clips", number, len(units), {"failed": failed} if failed else {})
    index = [
        {**done[name].facts, "clips": sorted(Path(clip).name for clip in sources[name])}
        for name in sorted(done)
        if done[name].done
    ]
    failures = unread + [
        {"clip": clip, **done[name].error}
        for name in sorted(done)
        if not done[name].done
        for clip in sources[name]
    ]
    store.put(INDEX, _json({"format": "mimictalk.Shards.1", "settings": asdict(settings), "shards": index}))
    store.put(FAILURES, _json(failures))
    for failure in failures[:5]:
        console.warn(f"{failure['clip']} was left out: {failure['cause']}")
    if len(failures) > 5:
        console.warn(f"{len(failures) - 5} more were left out: see {FAILURES}")
    return {
        "out": out,
        "clips": len(clips),
        "shards": len(index),
        "failed": len(failures),
        "seconds_of_video": round(sum(entry["seconds"] for entry in index), 2),
    }


def preprocess_clip(task: dict[str, Any]) -> dict[str, Any]:
    """The work of one unit: track, masks, plates and sound of one clip into one shard."""
    import torch

    from face3dmm import track_video
    from mimictalk.checking import check_clip_sound
    from mimictalk.portrait_material import portrait_clip
    from mimictalk.training_prepare import shard_arrays
    from mimictalk.training_shards import SOUND, shard_bytes

    torch.set_num_threads(1)
    store, name = Store(task["out"]), task["shard"]
    with fetched(task["clip"]) as video:
        track = track_video(video, max_seconds=task["max_seconds"])
        clip = portrait_clip(video, track, task["max_seconds"], lambda *_: None)
        features, _ = check_clip_sound(video)
    arrays: dict[str, np.ndarray] = shard_arrays(track, clip)
    if features is not None:
        heard = features.slice(0, min(features.frames, len(clip)))
        arrays |= {f"sound_{part}": getattr(heard, part).numpy() for part in SOUND}
    facts = {"consecutive": True, "fps": clip.fps, "speech": features is not None}
    content = shard_bytes(arrays, facts)
    store.put(name, content)
    return {
        "shard": name,
        "sha256": hashlib.sha256(content).hexdigest(),
        "frames": len(clip),
        "seconds": round(len(clip) / clip.fps, 3),
        "speech": features is not None,
    }


def _units(
    clips: list[str], out: str, settings: PreprocessSettings
) -> tuple[list[Unit], dict[str, list[str]], list[dict[str, str]]]:
    """Units by content: of two clips alike one is done. With the clips of each, and those not readable."""
    units: dict[str, Unit] = {}
    sources: dict[str, list[str]] = {}
    unread = []
    for clip in clips:
        try:
            digest = _content_hash(clip)
        except (InputError, OSError) as error:
            cause = error.cause if isinstance(error, InputError) else (error.strerror or "cannot be read")
            unread.append({"clip": clip, "subject": clip, "cause": cause, "cure": "Check path and access."})
            continue
        key = hashlib.sha256(f"{digest} {asdict(settings)} {__version__}".encode()).hexdigest()[:32]
        task = {"clip": clip, "out": out, "shard": f"{key}.safetensors", "max_seconds": settings.max_seconds}
        units.setdefault(key, Unit(key, "mimictalk.preprocessing:preprocess_clip", task))
        sources.setdefault(key, []).append(clip)
    return list(units.values()), sources, unread


def _content_hash(clip: str) -> str:
    """sha256 of a local file; of a remote one the store's own mark of its content."""
    if is_remote(clip):
        import fsspec

        files, path = fsspec.core.url_to_fs(clip)
        return f"{clip} {files.ukey(path)}"
    digest = hashlib.sha256()
    with open(clip, "rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _lines_of(path: Path, source: str) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        cure = "Give a folder of clips, or a text file with one clip a line."
        raise InputError(source, f"cannot be read as a list of clips: {reason}", cure) from None
    here = path.parent if not is_remote(source) else None
    wanted = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    return [w if is_remote(w) or Path(w).is_absolute() or here is None else str(here / w) for w in wanted]


def _json(content: Any) -> bytes:
    return (json.dumps(content, indent=1, sort_keys=True) + "\n").encode()
