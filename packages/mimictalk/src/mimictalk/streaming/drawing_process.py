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
from typing import Any, BinaryIO

import numpy as np

from mimictalk.console import Console
from mimictalk.errors import MimictalkError, explain
from mimictalk.streaming.drawing import Drawing, Speaker
from mimictalk.streaming.messages import Broken, encode, encode_facts, read, sound_in
from mimictalk.streaming.moments import FPS, SECONDS
from mimictalk.streaming.pace import HOP, LONGEST, Pace, quantile
from mimictalk.streaming.schedule import Schedule

WARM_UP = 2  # frames per thread: the first ones take longer than all that follow
REHEARSAL = 3 * FPS  # moments
MORE_NICE = 3  # sound and network go first


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
        pace = Pace(count, _warm_up(speaker, count))
        if asked["delay"] is None:
            rehearse(speaker, pace)
        delay = asked["delay"] or pace.needed
        drawing = Drawing(
            speaker,
            Schedule(delay, pace, grows=asked["grows"]),
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
    facts = {"delay": delay, "seconds": pace.seconds, "warnings": console.warnings, "workers": count}
    send(encode_facts("ready", facts))
    _serve(sys.stdin.buffer, drawing, send)


def rehearse(speaker: Speaker, pace: Pace, moments: int = REHEARSAL) -> None:
    """Speak and draw at the pace of speech with motion and all threads at work, as when somebody watches.

    Args:
        speaker: Who is drawn.
        pace: Learns how long it takes.
        moments: How long, 40 ms each.
    """
    drawing = Drawing(speaker, Schedule(LONGEST, pace), lambda index, frame: None, pace.workers)
    began = time.monotonic()
    for index in range(moments):
        drawing.hear(index, np.zeros(16000 // FPS, np.float32), True)
        time.sleep(max(0.0, began + (index + 1) * SECONDS - time.monotonic()))
    drawing.close()


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


def _warm_up(speaker: Speaker, workers: int) -> float:
    """Seconds that a frame takes while all threads draw: the median after the first."""
    stream, motion = speaker.begin(), None
    while motion is None:
        found = stream.push(np.zeros(HOP * 16000 // FPS, np.float32))
        motion = speaker.place(found, 0) if found.frames else None
    taken: list[float] = []

    def draw() -> None:
        speaker.draw(motion, 0)
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
    return quantile(taken, 0.5)


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
