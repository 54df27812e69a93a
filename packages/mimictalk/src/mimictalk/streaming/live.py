"""One live person: sound comes in, moments go out to everybody who watches."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from mimictalk.sound import SAMPLE_RATE
from mimictalk.streaming.drawing_link import DrawingLink
from mimictalk.streaming.inbox import TARGET, Inbox
from mimictalk.streaming.moments import FPS, SECONDS, Moment, Moments
from mimictalk.streaming.pacer import Pacer

MOTION_RATE = 16000


class Viewer(Protocol):
    """Somebody who watches."""

    @property
    def dropped(self) -> int:
        """Pictures that they were too slow for."""

    def put(self, moment: Moment) -> None:
        """Take a moment, at once."""


@dataclass(eq=False)
class Sender:
    """Somebody whose sound is heard until somebody else's is.

    Attributes:
        kind: "microphone" or "socket".
        inbox: Where the sound goes.
        over: Set when another has taken their place.
    """

    kind: str
    inbox: Inbox
    over: asyncio.Event = field(default_factory=asyncio.Event)


class Live:
    """Joins sound, drawing and viewers. All of it runs in one event loop.

    Args:
        link: The process that draws, started.
    """

    def __init__(self, link: DrawingLink) -> None:
        assert link.delay is not None
        self.link, self.moments, self.pacer = link, Moments(link.delay), Pacer()
        link.drawn, link.lengthened = self.moments.draw, self.moments.lengthen
        self.viewers: set[Viewer] = set()
        self.sender: Sender | None = None
        self._inbox = Inbox()
        self._resample = _to_motion()
        self._awake = asyncio.Event()

    @property
    def delay_seconds(self) -> float:
        """From the arrival of a sound to its going out with its picture."""
        return self.moments.delay * SECONDS + TARGET / SAMPLE_RATE

    def speak(self, kind: str, *, leads: bool = True) -> Sender:
        """A new sender; whoever was heard before is heard no more.

        So a page that lost its connection can come back before the server has noticed.

        Args:
            kind: "microphone" or "socket".
            leads: Whether the pace is theirs, as a microphone's; not that of somebody who waits for us.
        """
        if self.sender is not None:
            self.sender.over.set()
        self._inbox = Inbox(leads=leads)
        self.sender = Sender(kind, self._inbox)
        self._awake.set()
        return self.sender

    def silence(self, sender: Sender) -> None:
        """A sender has ended."""
        sender.over.set()
        if self.sender is sender:
            self.sender = None

    def watch(self, viewer: Viewer) -> None:
        """One viewer more."""
        self.viewers.add(viewer)
        self._awake.set()

    def leave(self, viewer: Viewer) -> None:
        """One viewer less."""
        self.viewers.discard(viewer)

    async def run(self) -> None:
        """Until cancelled. Where nobody speaks or watches nothing runs."""
        drawing, alone = asyncio.create_task(self.link.serve()), 0
        try:
            while True:
                alone = 0 if self.sender is not None or self.viewers else alone + 1
                if alone > self.moments.delay:  # the last words have gone out
                    self._awake.clear()
                    await self._awake.wait()
                    self.pacer.restart()
                await asyncio.sleep(0)  # others are served also where this machine is too slow
                while (left := self.pacer.wait()) > 0:
                    await asyncio.sleep(left)
                self._tick()
        finally:
            drawing.cancel()
            with suppress(asyncio.CancelledError):
                await drawing
            await self.link.close()

    def state(self) -> dict[str, Any]:
        """How it goes, for the page."""
        return {
            "delay": round(self.delay_seconds, 3),
            "fps": FPS,
            "speaking": None if self.sender is None else self.sender.kind,
            "viewers": len(self.viewers),
            "heard": self.moments.heard,
            "shown": self.moments.shown,
            "overdue": self.moments.overdue,
            "missing": self.moments.missing,
            "late": self.moments.late,
            "dropped": sum(viewer.dropped for viewer in self.viewers),
            "sound_dropped": round(self._inbox.dropped / SAMPLE_RATE, 3),
            "gaps": self._inbox.gaps,
            "restarts": self.link.restarts,
            "drawing": self.link.figures,
        }

    def _tick(self) -> None:
        sound = self._inbox.take()
        self.pacer.count(self._inbox.seconds)
        index, wanted = self.moments.heard, bool(self.viewers)
        self.link.hear(index, self._resample(sound), wanted)
        moment = self.moments.hear(sound, wanted)
        if moment is not None:
            for viewer in list(self.viewers):
                viewer.put(moment)


def _to_motion() -> Callable[[np.ndarray], np.ndarray]:
    """(n, 2) float32 at 48 kHz, block by block, to (m,) at 16 kHz."""
    import av

    resampler = av.AudioResampler(format="flt", layout="mono", rate=MOTION_RATE)

    def resample(block: np.ndarray) -> np.ndarray:
        mixed = np.ascontiguousarray(block.mean(axis=1, dtype=np.float32)).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(mixed, format="flt", layout="mono")
        frame.sample_rate = SAMPLE_RATE
        parts = [out.to_ndarray().reshape(-1) for out in resampler.resample(frame)]
        return np.clip(np.concatenate(parts), -1, 1) if parts else np.zeros(0, np.float32)

    return resample
