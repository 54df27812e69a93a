"""Material of the scale bench: pieces of clips, an avatar, and what is in a finished file."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer, OutputContainer


def cut(sources: list[Path], count: int, seconds: float, folder: Path) -> Path:
    """Write `count` pieces of the clips, each from another place; returns the folder.

    They are coded anew: packets could be taken from key frames on only, ten seconds apart in most clips, and of
    pieces alike the commands do one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        source, turn = sources[number % len(sources)], number // len(sources)
        with av.open(str(source)) as whole:
            length = float((whole.duration or 0) / av.time_base)
            start = (turn * 0.73 * seconds) % max(length - seconds, 0.1)
            with av.open(str(folder / f"piece_{number:03d}.mp4"), "w") as piece:
                _copy(whole, piece, start, start + seconds)
    return folder


def _copy(whole: InputContainer, piece: OutputContainer, start: float, end: float) -> None:
    """Picture and sound from `start` to `end` in seconds, which begin at 0 in the piece."""
    seen = whole.streams.video[0]
    picture: Any = piece.add_stream("libx264", rate=seen.average_rate, options={"crf": "18"})
    picture.width, picture.height, picture.pix_fmt = seen.width, seen.height, "yuv420p"
    coded: dict[str, Any] = {"video": picture}
    streams = [seen, *whole.streams.audio[:1]]
    for heard in streams[1:]:
        coded["audio"] = piece.add_stream("aac", rate=heard.rate)
    ended = set[str]()
    whole.seek(int(start * av.time_base))
    for packet in whole.demux(*streams):
        if len(ended) == len(streams):
            break
        for frame in packet.decode():
            at, kind = float(frame.time or 0.0), packet.stream.type
            if at >= end:
                ended.add(kind)
            elif at >= start:
                frame.pts = round((at - start) / frame.time_base)
                if kind == "video":
                    frame.pict_type = 0  # the coder's own choice, not that of the clip
                piece.mux(coded[kind].encode(frame))
    for stream in coded.values():
        piece.mux(stream.encode(None))


def files(folder: Path, pattern: str) -> dict[str, str]:
    """sha256 of what lies on the disk, by name."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.glob(pattern))}


def frames(video: Path) -> str:
    """sha256 over every decoded picture and sample, with their times: containers name when they were made."""
    digest = hashlib.sha256()
    with av.open(str(video)) as container:
        for frame in container.decode(*container.streams):
            digest.update(f"{type(frame).__name__} {frame.pts}".encode())
            digest.update(frame.to_ndarray().tobytes())
    return digest.hexdigest()


def differ(wanted: dict[str, str], got: dict[str, str]) -> int:
    """How many names are missing, foreign, or of another content."""
    return sum(wanted.get(name) != got.get(name) for name in wanted.keys() | got.keys())


def growth_mb(peaks: list[tuple[int, int]], settled: int = 20) -> float:
    """The most that one process's peak grew after its first `settled` units, in MB.

    Args:
        peaks: (process, peak in bytes) in the order in which units ended.
        settled: Units of a process before which caches fill.
    """
    grown = [0.0]
    for process in {process for process, _ in peaks}:
        own = [peak for who, peak in peaks if who == process][settled:]
        grown.append((own[-1] - own[0]) / 2**20 if own else 0.0)
    return max(grown)
