"""Sound to pictures in threads: one for the motion, some for the frames; all queues are bounded."""

import os
import queue
import sys
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from mimictalk.streaming.moments import FPS
from mimictalk.streaming.schedule import Schedule

if TYPE_CHECKING:
    from talk_motion import MotionSequence

BACKLOG = 2 * FPS  # moments of sound that wait for their motion; more are left out
MORE_NICE = 2  # of what draws: the motion of a hop is needed before any of its frames
Heard = tuple[int, np.ndarray, bool]


class Speaker(Protocol):
    """Somebody who can be drawn."""

    def begin(self) -> Any:
        """A motion stream: `push(samples)` gives the frames of motion that are final."""

    def place(self, motion: "MotionSequence", first: int) -> "MotionSequence":
        """Motion, of which `first` frames came before, where the head is to be."""

    def draw(self, motion: "MotionSequence", frame: int) -> np.ndarray:
        """A finished frame, (size, size, 3) uint8 RGB. Called from several threads."""


class Drawing:
    """Draws the frames that can be in time.

    Args:
        speaker: Who is drawn.
        schedule: What is drawn.
        send: Called with (index, frame), from several threads.
        workers: Threads that draw.
        clock: Seconds, for how long a frame takes.
    """

    def __init__(
        self,
        speaker: Speaker,
        schedule: Schedule,
        send: Callable[[int, np.ndarray], None],
        workers: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._speaker, self._schedule, self._send, self._clock = speaker, schedule, send, clock
        self._sound: queue.Queue[Heard | None] = queue.Queue(BACKLOG)
        self._changed = threading.Condition()
        self._over = False
        self._failure: BaseException | None = None
        targets = [self._move, *[self._draw] * workers]
        self._threads = [
            threading.Thread(target=self._guarded, args=(each,), daemon=True) for each in targets
        ]
        for thread in self._threads:
            thread.start()

    def hear(self, index: int, samples: np.ndarray, wanted: bool, time: float | None = None) -> None:
        """Take a moment's sound.

        Args:
            index: Of the moment.
            samples: (n,) float32 at 16 kHz, mono.
            wanted: Whether anybody wants its picture.
            time: When the moment came in, by the schedule's clock; None for now.

        Raises:
            BaseException: What went wrong in a thread.
        """
        if self._failure is not None:
            raise self._failure
        with self._changed:
            self._schedule.hear(index, time)
            self._changed.notify_all()
        try:
            self._sound.put_nowait((index, samples, wanted))
        except queue.Full:
            return  # `_move` sees that moments are missing

    def figures(self) -> dict[str, Any]:
        """How it goes."""
        with self._changed:
            plan = self._schedule
            told = {"drawn": plan.drawn, "dropped": plan.dropped, "seconds": round(plan.pace.seconds, 4)}
            return told | {"delay": plan.delay}

    def close(self) -> None:
        """End the threads."""
        with self._changed:
            self._over = True
            self._changed.notify_all()
        while True:
            try:
                self._sound.put_nowait(None)
                break
            except queue.Full:
                self._sound.get_nowait()
        for thread in self._threads:
            thread.join()

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:
            self._failure = error

    def _move(self) -> None:
        """Sound to motion. Where sound is missing a new motion begins: it must not slip against the clock."""
        stream: Any = None
        start = given = expected = 0
        wanted_of: dict[int, bool] = {}
        while (heard := self._sound.get()) is not None:
            index, samples, wanted = heard
            if stream is None or index != expected:
                stream, start, given, wanted_of = self._speaker.begin(), index, 0, {}
            expected = index + 1
            wanted_of[index] = wanted
            motion = stream.push(samples)
            if not motion.frames:
                continue
            motion = self._speaker.place(motion, start + given)
            with self._changed:
                for frame in range(motion.frames):
                    moment = start + given + frame
                    if wanted_of.pop(moment, False):
                        self._schedule.ready(moment, (motion, frame))
                self._changed.notify_all()
            given += motion.frames

    def _draw(self) -> None:
        if sys.platform == "linux":  # elsewhere it would hold for the whole process
            os.nice(MORE_NICE)
        while not self._over:
            with self._changed:
                chosen = self._schedule.take()
                if chosen is None:
                    self._changed.wait(0.5)
                    continue
            index, (motion, frame) = chosen
            began = self._clock()
            picture = self._speaker.draw(motion, frame)
            with self._changed:
                self._schedule.finished(self._clock() - began)
            self._send(index, picture)
