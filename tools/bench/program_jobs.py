"""Jobs of the real program, on synthetic material that ships with it, long enough to be watched."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import IO, Any

sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "support"))

AVATAR, CLIP, SPEECH = "nobody", "clip.mp4", "speech.wav"


@dataclass(frozen=True)
class Report:
    """A line of progress: when it came, in seconds from the start, and what it said."""

    at: float
    stage: str
    done: int
    total: int
    left: float | None


@dataclass
class Running:
    """A program at work, in a session of its own.

    Attributes:
        process: It.
        folder: Where it works.
        began: Time of its start.
        said: Lines of stderr that are no progress.
    """

    process: subprocess.Popen[str]
    folder: Path
    began: float = field(default_factory=time.monotonic)
    said: list[str] = field(default_factory=list)

    def reports(self) -> Iterator[Report]:
        """Its progress, as it comes, until it ends."""
        stream: IO[str] | None = self.process.stderr
        assert stream is not None
        for line in stream:
            if not line.startswith('{"stage"'):
                self.said.append(line.rstrip())
                continue
            told: dict[str, Any] = json.loads(line)
            yield Report(
                time.monotonic() - self.began, told["stage"], told["done"], told["total"], told["left"]
            )
        self.process.wait()

    def interrupt(self) -> None:
        """What Ctrl-C does: the whole group gets the signal."""
        os.killpg(self.process.pid, signal.SIGINT)


def prepare(base: Path, clips: int, seconds: float) -> None:
    """Put the material into `base`.

    Args:
        base: An empty folder.
        clips: How often the reference clip of the demo, 12 s, follows itself in the clip.
        seconds: Of speech.
    """
    from tiny_avatar import write_speech, write_tiny_avatar

    (base / "work").mkdir()
    write_tiny_avatar(base / AVATAR, base / "work")
    write_speech(base / SPEECH, seconds)
    reference = resources.files("mimictalk") / "data" / "demo" / "reference.mp4"
    with resources.as_file(reference) as path:
        repeated(path, base / CLIP, clips)


def repeated(source: Path, target: Path, times: int) -> None:
    """A clip that follows itself `times` times, picture and sound, without coding it again."""
    import av

    with av.open(str(target), "w") as container:
        streams: dict[int, Any] = {}
        began = ended = 0.0  # of this time, seconds
        for _ in range(times):
            with av.open(str(source)) as part:
                for one in part.streams if not streams else ():
                    streams[one.index] = container.add_stream_from_template(one)
                for packet in part.demux():
                    if packet.dts is None or packet.pts is None or packet.time_base is None:
                        continue
                    shift = round(began / packet.time_base)
                    packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                    ended = max(ended, float((packet.pts + (packet.duration or 0)) * packet.time_base))
                    packet.stream = streams[packet.stream.index]
                    container.mux(packet)
            began = ended + 0.1  # the sound's first packet comes before the picture's


def start(name: str, base: Path, folder: Path, steps: int) -> Running:
    """Start a job in an empty folder.

    Args:
        name: "adapt", "render" or "track".
        base: As `prepare` left it.
        folder: Where it works; its caches lie there too.
        steps: Of learning.
    """
    lines: dict[str, list[object]] = {
        "adapt": ["adapt", base / CLIP, "-o", "me", "--steps", steps, "--consent", "A synthetic person."],
        "render": ["render", base / AVATAR, "--audio", base / SPEECH, "-o", "out.mp4"],
        "track": ["track", base / CLIP, "-o", "track.csv"],
    }
    places = {f"XDG_{kind}_HOME": str(folder / kind.lower()) for kind in ("CACHE", "STATE", "DATA")}
    command = [sys.executable, "-m", "mimictalk", *map(str, lines[name])]
    process = subprocess.Popen(
        command,
        cwd=folder,
        env={**os.environ, **places, "MIMICTALK_PROGRESS": "json"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=_hears_ctrl_c,
    )
    return Running(process, folder)


def _hears_ctrl_c() -> None:
    """A shell has what it runs in the background ignore Ctrl-C, and children inherit that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
