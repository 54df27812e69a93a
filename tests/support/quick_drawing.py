"""A drawing process without a network:  python quick_drawing.py

Frames are grey, as bright as their own sound is loud, so that a viewer can see whether picture and sound go
together. The settings' {"video": {"seconds": S, "die_after": N, "noise": true}} say how long a frame takes,
after how many frames the process dies, and that frames are noise instead.
"""

import os
import time
from collections import deque
from typing import Any

import numpy as np

from mimictalk.errors import InputError
from mimictalk.streaming.drawing_process import main
from mimictalk.streaming.pace import HOP, LOOK_AHEAD

FRAME = 640  # samples at 16 kHz


class Levels:
    """Stands for a motion: the loudness of each frame."""

    def __init__(self, levels: list[float]) -> None:
        self.levels = levels

    @property
    def frames(self) -> int:
        return len(self.levels)


class LevelStream:
    """Gives frames as a MotionStream does: some together, after a look-ahead."""

    def __init__(self) -> None:
        self.samples, self.come, self.given = np.zeros(0, np.float32), 0, 0
        self.levels: deque[float] = deque()

    def push(self, samples: np.ndarray) -> Levels:
        self.samples = np.concatenate([self.samples, samples])
        while len(self.samples) >= HOP * FRAME:
            hop, self.samples = self.samples[: HOP * FRAME], self.samples[HOP * FRAME :]
            self.levels += [float(np.abs(part).max()) for part in hop.reshape(HOP, FRAME)]
            self.come += HOP
        ready = max(0, self.come - (LOOK_AHEAD - HOP + 1) - self.given)
        self.given += ready
        return Levels([self.levels.popleft() for _ in range(ready)])


class QuickSpeaker:
    """Draws grey frames."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.size, video = settings["size"], settings["video"]
        self.noise = np.random.default_rng(0) if video.get("noise") else None
        self.seconds, self.left = video.get("seconds", 0.0), video.get("die_after", -1)

    def begin(self) -> LevelStream:
        return LevelStream()

    def place(self, motion: Levels, first: int) -> Levels:
        return motion

    def draw(self, motion: Levels, frame: int) -> np.ndarray:
        time.sleep(self.seconds)
        self.left -= 1
        if self.left == 0:
            os._exit(3)
        if self.noise is not None:  # hard to encode: a viewer who reads nothing is full soon
            return self.noise.integers(0, 256, (self.size, self.size, 3), np.uint8)
        grey = 250 if motion.levels[frame] > 0.1 else 20
        return np.full((self.size, self.size, 3), grey, np.uint8)


def load(settings: dict[str, Any], console: Any) -> QuickSpeaker:
    if settings["video"].get("refuse"):
        raise InputError("me", "it cannot be drawn", "Draw another.")
    return QuickSpeaker(settings)


if __name__ == "__main__":
    main(load, workers=2)
