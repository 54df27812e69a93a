"""Material of the scale bench: pieces of clips, an avatar, and what is in a finished file."""

from __future__ import annotations

import hashlib
from pathlib import Path

import av


def cut(sources: list[Path], count: int, seconds: float, folder: Path) -> Path:
    """Write `count` pieces of the clips, each from another place, without coding anew; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        source, turn = sources[number % len(sources)], number // len(sources)
        with av.open(str(source)) as whole:
            length = float((whole.duration or 0) / av.time_base)
            start = (turn * 0.73 * seconds) % max(length - seconds, 0.1)
            whole.seek(int(start * av.time_base))
            with av.open(str(folder / f"piece_{number:03d}.mp4"), "w") as piece:
                wanted = (*whole.streams.video[:1], *whole.streams.audio[:1])
                streams = {stream.index: piece.add_stream_from_template(stream) for stream in wanted}
                first: float | None = None
                for packet in whole.demux(*wanted):
                    if packet.dts is None:
                        continue
                    at = float(packet.dts * packet.time_base)
                    if first is None:
                        first = at
                    if at - first > seconds:
                        break
                    packet.stream = streams[packet.stream.index]
                    piece.mux(packet)
    return folder


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
