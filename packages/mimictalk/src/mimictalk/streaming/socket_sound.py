"""Sound that a program sends as the body of a request, for as long as it likes."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Literal

from anyio import to_thread

from mimictalk.errors import InputError
from mimictalk.piped_sound import PipedSound
from mimictalk.sound import SAMPLE_RATE
from mimictalk.streaming.live import Sender

Form = Literal["wav", "s16le"]
Late = Literal["wait", "drop"]
IDLE_SECONDS = 20.0
NAP = 0.01


async def take_sound(body: AsyncIterator[bytes], sender: Sender, form: Form, late: Late) -> float:
    """Put a body's sound into a sender's inbox; returns its seconds.

    A pipe joins the event loop to the thread that reads and resamples: it is bounded, so that a sender who is
    faster than speech is held up by TCP itself.

    Args:
        body: Bytes as they come.
        sender: Whose sound it is; when another takes their place it ends.
        form: "wav", or "s16le" for bare 16 kHz mono samples.
        late: What happens to sound that comes faster than it is spoken: "wait" lets the sender wait, as for a
            file; "drop" drops the oldest, as for a microphone whose network has stood still.

    Raises:
        InputError: If it is no sound, or stops for longer than 20 s.
    """
    reader, writer = os.pipe()
    heard = asyncio.create_task(to_thread.run_sync(_hear, reader, sender, form, late))
    try:
        await _pour(body, writer, sender, heard)
    finally:
        os.close(writer)
        with suppress(asyncio.CancelledError):
            await asyncio.shield(asyncio.wait([heard]))
    try:
        return heard.result()
    except InputError as error:
        cure = "Send a WAV with its header, or bare samples and form=s16le."
        raise InputError("sound", error.cause, cure) from None


async def _pour(
    body: AsyncIterator[bytes], writer: int, sender: Sender, heard: "asyncio.Task[float]"
) -> None:
    over = asyncio.create_task(sender.over.wait())
    try:
        while True:
            piece = asyncio.ensure_future(anext(body, None))
            await asyncio.wait(
                {piece, over, heard}, timeout=IDLE_SECONDS, return_when=asyncio.FIRST_COMPLETED
            )
            if not piece.done() or over.done() or heard.done():
                piece.cancel()
                with suppress(asyncio.CancelledError, StopAsyncIteration):
                    await piece
                if over.done() or heard.done():
                    return
                raise InputError("sound", "nothing came for 20 s", "Send silence while nobody speaks.")
            content = piece.result()
            if content is None:
                return
            with suppress(BrokenPipeError):
                await to_thread.run_sync(_write, writer, content)
    finally:
        over.cancel()


def _write(writer: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(writer, view) :]


def _hear(reader: int, sender: Sender, form: Form, late: Late) -> float:
    """In a thread: bytes to samples to the inbox."""
    samples = 0
    with os.fdopen(reader, "rb", buffering=0) as stream:
        sound = PipedSound(stream, form)
        for _ in sound:
            for block in sound.arrived:
                for start in range(0, len(block), SAMPLE_RATE // 50):
                    part = block[start : start + SAMPLE_RATE // 50]
                    while late == "wait" and not sender.inbox.has_room() and not sender.over.is_set():
                        time.sleep(NAP)
                    if sender.over.is_set():
                        return samples / SAMPLE_RATE
                    sender.inbox.put(part)
                    samples += len(part)
    return samples / SAMPLE_RATE
