"""`mimictalk render --audio - --out -` as a user pipes it: first video bytes, steady rate, delay behind the sound.

    .venv/bin/python tools/bench/piped.py                       # three minutes, no media needed
    .venv/bin/python tools/bench/piped.py ME/ SPEECH.wav --seconds 120 --keep tools/bench/results/piped.json

Sound is written at the pace of speech (bare 16 kHz samples, 40 ms at once), the video is read as it comes; for each
size of the picture twice: once from the moment when the program is started, as `arecord | mimictalk` does, so that
loading counts; and once from the moment when it has taken the first samples, as it is for whatever is said later.
Steady is what comes SETTLED seconds after the first fragment, of the second run. Delay of a fragment: from when the sound of its last frame was written to when
the fragment was there; a machine that is too slow shows a delay that grows. Without an avatar it is one that took no
learning, without speech what `mimictalk demo` says, over and over. One JSON object goes to the last line of stdout.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
# Behind everything else: the files beside this one are named like packages.
sys.path.sort(key=lambda place: Path(place).resolve() == Path(__file__).resolve().parent)
from bench.figures import Figure, figure, report
from bench.speech_material import demo_speech, untrained_avatar
from mimictalk.video_settings import SIZES

BLOCK, RATE, FPS = 640, 16000, 25.0
SETTLED = 5.0  # seconds
AT_ONCE = 1 << 16  # bytes


@dataclass(frozen=True)
class Fragment:
    """When a fragment of the video was whole, in seconds from the first sound, and how many frames it holds."""

    at: float
    frames: int


@dataclass(frozen=True)
class Piped:
    """One run: when the first bytes came, in seconds from the first sound, and the fragments."""

    first: float
    fragments: list[Fragment]


def boxes(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and content of the boxes in `content` (ISO/IEC 14496-12, 4.2); one that is not whole ends it."""
    at = 0
    while at + 8 <= len(content):
        size, name = struct.unpack_from(">I4s", content, at)
        if size < 8 or at + size > len(content):
            return
        yield name, content[at + 8 : at + size]
        at += size


def frames_in(fragment: bytes, track: int = 1) -> int:
    """Samples of one track in the content of a `moof`."""
    found = 0
    for name, part in boxes(fragment):
        inside = dict(boxes(part)) if name == b"traf" else {}
        if inside and struct.unpack_from(">I", inside[b"tfhd"], 4)[0] == track:
            found += struct.unpack_from(">I", inside[b"trun"], 4)[0]
    return found


class Received:
    """Bytes of a fragmented mp4 as they come, cut into fragments."""

    def __init__(self) -> None:
        self.first: float | None = None
        self.fragments: list[Fragment] = []
        self._rest, self._frames = b"", 0

    def add(self, data: bytes, at: float) -> None:
        """Take what came at a time."""
        if self.first is None:
            self.first = at
        self._rest += data
        used = 0
        for name, content in boxes(self._rest):
            used += 8 + len(content)
            if name == b"moof":
                self._frames = frames_in(content)
            if name == b"mdat" and self._frames:
                self.fragments.append(Fragment(at, self._frames))
                self._frames = 0
        self._rest = self._rest[used:]


def pipe(avatar: Path, size: int, sound: bytes, *, ready: bool) -> Piped:
    """Send a sound at the pace of speech and take the video.

    Args:
        avatar: Folder.
        size: Side of the pictures.
        sound: 16-bit samples at 16 kHz.
        ready: Whether the clock starts when the program has taken its first samples, instead of with the program.

    Raises:
        SystemExit: If the program fails.
    """
    command = [sys.executable, "-m", "mimictalk", "render", str(avatar), "--size", str(size), "--quiet"]
    command += ["--audio", "-", "--audio-format", "s16le", "--out", "-"]
    reading, writing = os.pipe()
    with subprocess.Popen(command, stdin=reading, stdout=subprocess.PIPE, bufsize=0) as process:
        began, received = time.monotonic(), Received()
        with os.fdopen(writing, "wb", buffering=0) as out:
            if ready:
                out.write(sound[: 2 * BLOCK])
                while waiting_in(reading) and process.poll() is None:
                    time.sleep(0.002)
                began, sound = time.monotonic(), sound[2 * BLOCK :]
            os.close(reading)
            sender = threading.Thread(target=_send, args=(out, sound, began), daemon=True)
            sender.start()
            assert process.stdout is not None
            while data := process.stdout.read(AT_ONCE):
                received.add(data, time.monotonic() - began)
            sender.join()
    if process.returncode or received.first is None:
        raise SystemExit(f"mimictalk render ended with exit code {process.returncode}")
    return Piped(received.first, received.fragments)


def _send(out: object, sound: bytes, began: float) -> None:
    """Write 40 ms every 40 ms; a full pipe makes it wait, and it is late then."""
    for number, start in enumerate(range(0, len(sound), 2 * BLOCK)):
        time.sleep(max(0.0, began + number * BLOCK / RATE - time.monotonic()))
        try:
            out.write(sound[start : start + 2 * BLOCK])  # type: ignore[attr-defined]
        except BrokenPipeError:
            break
    out.close()  # type: ignore[attr-defined]


def waiting_in(pipe_end: int) -> int:
    """Bytes in a pipe that nobody has taken."""
    return int(struct.unpack("i", fcntl.ioctl(pipe_end, termios.FIONREAD, b"\0" * 4))[0])


def steady(fragments: list[Fragment], settled: float = SETTLED) -> list[Figure]:
    """What came when, after the start; the last fragment, which the end of the sound cut off, does not count."""
    ends = np.cumsum([one.frames for one in fragments])
    at = np.array([one.at for one in fragments])
    delays = at - ends / FPS
    kept = at >= at[0] + settled if len(at) else np.zeros(0, bool)
    kept[-1:] = False
    if kept.sum() < 3:
        return [figure("steady", None, "1/s", reason=f"{int(kept.sum())} fragments came after {settled:g} s")]
    between, steps = np.diff(at[kept]), ends[kept]
    rate = float(steps[-1] - steps[0]) / float(at[kept][-1] - at[kept][0])
    found = [figure("steady rate", rate, "frames a second", goal=0.98 * FPS)]
    found.append(figure("frames in a fragment, median", float(np.median(np.diff(steps))), "frames"))
    for name, share in (("p50", 50), ("p95", 95)):
        value = float(np.percentile(between, share))
        found.append(figure(f"time between fragments, {name}", value, "s"))
    for name, share in (("p50", 50), ("p95", 95)):
        value = float(np.percentile(delays[kept], share))
        found.append(figure(f"delay behind the sound, {name}", value, "s"))
    slope = float(np.polyfit(at[kept], delays[kept], 1)[0])
    found.append(figure("growth of the delay", 60 * slope, "s a minute"))
    return found


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("avatar", type=Path, nargs="?", help="[default: one that took no learning]")
    parser.add_argument("speech", type=Path, nargs="?", help="[default: what the demo says]")
    parser.add_argument("--seconds", type=float, default=30.0, help="of sound, each time")
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES), choices=SIZES)
    parser.add_argument("--keep", type=Path, help="write the JSON here too")
    given = parser.parse_args()
    if given.speech is None:
        samples = demo_speech()
    else:
        from talk_motion import load_audio

        samples = (np.clip(np.asarray(load_audio(given.speech)), -1, 1) * 32767).astype("<i2")
    sound = np.resize(samples, round(given.seconds * RATE)).tobytes()
    with tempfile.TemporaryDirectory() as scratch:
        avatar = given.avatar or untrained_avatar(Path(scratch))
        found = [one for size in given.sizes for one in measured(avatar, size, sound)]
    report("piped", 0, found, given.keep, f"{given.seconds:g} s of sound")


def measured(avatar: Path, size: int, sound: bytes) -> list[Figure]:
    """All figures of one size; their names begin with it."""
    cold = pipe(avatar, size, sound, ready=False)
    warm = pipe(avatar, size, sound, ready=True)
    found = [figure("first video bytes, started with the sound", cold.first, "s after the first sound")]
    found.append(figure("first video bytes, program ready", warm.first, "s after the first sound"))
    if warm.fragments:
        found.append(figure("first frames, program ready", warm.fragments[0].at, "s after the first sound"))
    return [{**one, "name": f"{size}/{one['name']}"} for one in (*found, *steady(warm.fragments))]


if __name__ == "__main__":
    main()
