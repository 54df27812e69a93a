"""A video job whose pictures cost nothing, in a program that can be killed:

python tiny_video_job.py SOUND OUT KEY PLACE COUNT      SIGKILL to itself at the COUNT-th frame, fsync or replace
"""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mimictalk.console import Console
from mimictalk.segmented_video import Job, make_video
from mimictalk.video_coding import Coding
from talk_motion import MotionSequence

SIZE = 64


def motion_of(frames: int) -> MotionSequence:
    """A motion in which the first expression is the number of the frame."""
    expression = torch.zeros(frames, 64)
    expression[:, 0] = torch.arange(frames)
    nothing = torch.zeros(frames, 3)
    return MotionSequence.from_tracking(expression, nothing, nothing, torch.zeros(frames, 2))


def picture(number: int) -> np.ndarray:
    """Stripes that tell frame `number` from its neighbours: its bits, from left to right."""
    bits = [(number >> bit) & 1 for bit in range(16)]
    return np.broadcast_to(np.repeat(bits, SIZE // 16)[None, :, None] * 200 + 20, (SIZE, SIZE, 3)).astype(
        np.uint8
    )


def number_in(image: np.ndarray) -> int:
    """The number that `picture` drew."""
    stripes = image[:, :, 1].mean(axis=0).reshape(16, -1).mean(axis=1) > 120
    return int(sum(1 << bit for bit, on in enumerate(stripes) if on))


class TinyRenderer:
    """Draws numbers; `before` is called with the number of each frame."""

    def __init__(self, before: Callable[[int], None] = lambda number: None) -> None:
        self._before = before

    def frames(self, motion: Any) -> Iterator[np.ndarray]:
        for number in motion.expression[:, 0].int().tolist():
            self._before(number)
            yield picture(number)


def job(
    sound: Path,
    out: Path,
    frames: int,
    key: str = "k",
    before: Callable[[int], None] = lambda number: None,
    **changes: Any,
) -> Job:
    """A job of `frames` numbered frames."""
    given = {
        "out": out, "key": key, "motion": lambda: motion_of(frames), "renderer": lambda: TinyRenderer(before),
        "sound": sound, "leader": "sound", "metadata": lambda created: {"comment": "c"}, "coding": Coding((SIZE, SIZE)),
    }  # fmt: skip
    return Job(**{**given, **changes})


def _kill_at(module: Any, name: str, count: int) -> None:
    """Replace a function by one that is the last thing this process does when it is called often enough."""
    original, calls = getattr(module, name), [0]

    def counted(*arguments: Any) -> Any:
        calls[0] += 1
        if calls[0] == count:
            os.kill(os.getpid(), signal.SIGKILL)
        return original(*arguments)

    setattr(module, name, counted)


def main(sound: str, out: str, frames: str, place: str, count: str) -> None:
    module = sys.modules[__name__]
    if place == "frame":
        _kill_at(module, "picture", int(count))
    elif place == "fsync":
        _kill_at(os, "fsync", int(count))
    else:
        _kill_at(Path, "replace", int(count))
    make_video(job(Path(sound), Path(out), int(frames)), Console(quiet=True), lambda *told: None)


if __name__ == "__main__":
    main(*sys.argv[1:])
