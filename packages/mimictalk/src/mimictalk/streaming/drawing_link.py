"""The server's side of the process that draws: started, fed, listened to, started again when it dies."""

import asyncio
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mimictalk.errors import InputError, MimictalkError, RunError
from mimictalk.streaming.messages import HEAD, Broken, Kind, encode_facts, encode_sound, head

PROGRAM = (sys.executable, "-m", "mimictalk.streaming.drawing_process")
UNREAD = 256 * 2**10  # bytes of sound that a process may leave unread; then it is left out
RESTART_SECONDS = 1.0


@dataclass
class DrawingLink:
    """The process that draws.

    Args:
        speaker: `SpeakerSettings` as a dictionary.
        size: Side of the pictures.
        delay: Moments, or None for as many as this machine needs, also when it becomes slower.
        drawn: Called with (index, frame) for every picture.
        program: What to run, for tests.
        lengthened: Called with the moments of delay when they have become more.

    Attributes:
        figures: What the process told last.
        restarts: How often it was started again.
    """

    speaker: dict[str, Any]
    size: int
    delay: int | None
    drawn: Callable[[int, np.ndarray], object]
    program: Sequence[str] = PROGRAM
    lengthened: Callable[[int], object] = lambda delay: None
    figures: dict[str, Any] = field(default_factory=dict)
    restarts: int = 0
    _process: asyncio.subprocess.Process | None = None

    def __post_init__(self) -> None:
        self._grows = self.delay is None

    async def start(self) -> dict[str, Any]:
        """Start the process; returns what it tells when it is ready: delay, seconds per frame, warnings.

        Raises:
            MimictalkError: What it says is wrong, or that it ended.
        """
        # One thread each: frames are drawn side by side, and a frame is too small to be shared well.
        alone = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        self._process = await asyncio.create_subprocess_exec(
            *self.program,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=os.environ | alone,
            start_new_session=True,  # Ctrl-C is for the server; the process ends with its stdin
            limit=2**20,
        )
        asked = {"speaker": self.speaker, "delay": self.delay, "grows": self._grows}
        self._write(encode_facts("settings", asked))
        try:
            kind, _, content = await self._read()
        except Broken:
            raise RunError(
                "drawing", "its process ended before it was ready", "Add --debug to see why."
            ) from None
        facts: dict[str, Any] = json.loads(content)
        if kind != "ready":
            error = InputError if facts.pop("exit_code", 1) == 2 else RunError
            raise error(facts["subject"], facts["cause"], facts["cure"])
        self.delay = int(facts["delay"])
        return facts

    async def serve(self) -> None:
        """Take pictures until cancelled. A process that dies is started again; the sound goes on."""
        while True:
            with suppress(Broken):
                while True:
                    kind, index, content = await self._read()
                    if kind == "picture":
                        shape = (self.size, self.size, 3)
                        self.drawn(index, np.frombuffer(content, np.uint8).reshape(shape))
                    elif kind == "figures":
                        self.figures = json.loads(content)
                        self._lengthen(int(self.figures["delay"]))
            await self._reap()
            while self._process is None:
                await asyncio.sleep(RESTART_SECONDS)
                self.restarts += 1
                try:
                    await self.start()
                except MimictalkError:
                    await self._reap()

    def hear(self, index: int, samples: np.ndarray, wanted: bool) -> None:
        """Tell it a moment's sound: (n,) float32 at 16 kHz, mono."""
        process = self._process
        if process is None or process.stdin is None:
            return
        if process.stdin.transport.get_write_buffer_size() > UNREAD:
            return  # it sees by the index that moments are missing
        self._write(encode_sound(index, samples, wanted, time.monotonic()))

    async def close(self) -> None:
        """End it."""
        await self._reap()

    def _lengthen(self, delay: int) -> None:
        if self.delay is not None and delay > self.delay:
            self.delay = delay
            self.lengthened(delay)

    async def _reap(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), 2)
        except TimeoutError:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    def _write(self, message: bytes) -> None:
        assert self._process is not None and self._process.stdin is not None
        with suppress(ConnectionError):  # `serve` sees that it has gone
            self._process.stdin.write(message)

    async def _read(self) -> tuple[Kind, int, bytes]:
        assert self._process is not None and self._process.stdout is not None
        try:
            kind, index, size = head(await self._process.stdout.readexactly(HEAD.size))
            return kind, index, await self._process.stdout.readexactly(size)
        except asyncio.IncompleteReadError:
            raise Broken from None
