"""The process that draws:  python -m mimictalk.streaming.drawing_process

Messages on stdin: settings once, then sound. On stdout: ready or failed, then pictures and figures. It ends
with its stdin. A process of its own, because Python would let drawing hold up the sound.
"""

import io
import json
import os
import sys
import threading
import time
from collections.abc import Callable
from math import ceil
from typing import Any, BinaryIO

import numpy as np

from mimictalk.console import Console
from mimictalk.errors import MimictalkError, explain
from mimictalk.streaming.drawing import Drawing, Speaker
from mimictalk.streaming.messages import Broken, encode, encode_facts, read, sound_in
from mimictalk.streaming.moments import FPS, SECONDS
from mimictalk.streaming.schedule import MARGIN, Schedule

LOOK_AHEAD, HOP = 8, 4  # frames: what talk_motion.StreamConfig waits for, and how many come together
LONGEST = 50  # moments of delay: a slower machine drops frames
WARM_UP = 3  # frames per thread
MORE_NICE = 5  # sound and network go first


def main(load: Callable[[dict[str, Any], Console], Speaker], workers: int | None = None) -> None:
    """Serve one server over stdin and stdout.

    Args:
        load: Makes the speaker from its settings.
        workers: Threads that draw; None for one per core.
    """
    if hasattr(os, "nice"):
        os.nice(MORE_NICE)
    out = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # what a library prints is no message
    lock = threading.Lock()

    def send(message: bytes) -> None:
        with lock:
            _write(out, message)

    said = io.StringIO()
    console = Console(quiet=True, out=said, err=said)
    try:
        _, _, content = read(sys.stdin.buffer)
        asked: dict[str, Any] = json.loads(content)
        speaker = load(asked["speaker"], console)
        count = workers or _cores()
        seconds, motion_seconds = _warm_up(speaker, count)
        delay = asked["delay"] or delay_for(seconds, motion_seconds, count)
        drawing = Drawing(
            speaker,
            Schedule(delay, seconds),
            lambda index, frame: send(encode("picture", index, frame.tobytes())),
            count,
        )
    except Broken:
        return
    except Exception as error:
        known = explain(error) or MimictalkError(
            "drawing", f"{type(error).__name__}: {error}"[:300], "Try mimictalk render with this avatar."
        )
        send(encode_facts("failed", {**known.as_dict(), "exit_code": known.exit_code}))
        return
    facts = {"delay": delay, "seconds": seconds, "warnings": console.warnings, "workers": count}
    send(encode_facts("ready", facts))
    _serve(sys.stdin.buffer, drawing, send)


def delay_for(seconds: float, motion_seconds: float, workers: int) -> int:
    """Moments of delay that a machine needs: look-ahead, motion, and the frames that come together.

    Args:
        seconds: That one frame takes while all threads draw.
        motion_seconds: That the motion of one hop takes.
        workers: Threads that draw.
    """
    together = ceil(HOP / workers)
    return min(LONGEST, LOOK_AHEAD + 1 + ceil((motion_seconds + together * 1.5 * seconds + MARGIN) / SECONDS))


def _serve(stdin: BinaryIO, drawing: Drawing, send: Callable[[bytes], None]) -> None:
    told = time.monotonic()
    while True:
        try:
            kind, index, content = read(stdin)
        except Broken:
            # Threads are in the middle of frames that nobody wants any more.
            os._exit(0)
        came, samples = sound_in(content)
        drawing.hear(index, samples, kind == "wanted sound", came)
        if time.monotonic() - told >= 1:
            told = time.monotonic()
            send(encode_facts("figures", drawing.figures()))


def _warm_up(speaker: Speaker, workers: int) -> tuple[float, float]:
    """Seconds that a frame takes while all threads draw, and the motion of a hop: medians after the first."""
    stream, motion, hops = speaker.begin(), None, []
    for _ in range(6):
        began = time.monotonic()
        found = stream.push(np.zeros(HOP * 16000 // FPS, np.float32))
        hops.append(time.monotonic() - began)
        motion = speaker.place(found, 0) if found.frames else motion
    assert motion is not None
    taken: list[float] = []

    def draw() -> None:
        for _ in range(WARM_UP):
            began = time.monotonic()
            speaker.draw(motion, 0)
            taken.append(time.monotonic() - began)

    threads = [threading.Thread(target=draw) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(taken) < workers * WARM_UP:
        raise MimictalkError("drawing", "the first frame could not be drawn", "Try mimictalk render.")
    return sorted(taken)[len(taken) // 2], sorted(hops)[len(hops) // 2]


def _write(out: BinaryIO, message: bytes) -> None:
    view = memoryview(message)
    try:
        while view:
            view = view[out.write(view) :]
    except BrokenPipeError:
        os._exit(0)  # the server has gone


def _cores() -> int:
    affinity: Any = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity is not None else os.cpu_count() or 1


def _load(settings: dict[str, Any], console: Console) -> Speaker:
    from mimictalk.streaming.speaker import SpeakerSettings, load_speaker

    return load_speaker(SpeakerSettings(**settings), console)


if __name__ == "__main__":
    main(_load)
