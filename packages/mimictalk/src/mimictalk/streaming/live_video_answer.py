"""The answer to a GET for the live video: fragmented mp4 for as long as the viewer takes it."""

import asyncio
from contextlib import suppress
from typing import Any

from anyio import to_thread
from starlette.responses import Response

from mimictalk.streaming.feed import Feed
from mimictalk.streaming.fragments import Fragments
from mimictalk.streaming.live import Live

HEADERS = {"cache-control": "no-store", "content-disposition": 'inline; filename="live.mp4"'}


class LiveVideoAnswer(Response):
    """Sends moments to one viewer until they go, or cannot even take the sound.

    Args:
        live: What they watch.
        size: Side of the pictures.
        metadata: Of the container.
    """

    def __init__(self, live: Live, size: int, metadata: dict[str, str]) -> None:
        super().__init__(media_type="video/mp4", headers=HEADERS)
        del self.headers["content-length"]  # nobody knows it
        self._live, self._size, self._metadata = live, size, metadata

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request."""
        feed = Feed()
        self._live.watch(feed)
        tasks = [
            asyncio.ensure_future(each)
            for each in (self._send(feed, send), _disconnected(receive), feed.over.wait())
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._live.leave(feed)
            feed.close()
            for task in tasks:
                task.cancel()
                with suppress(asyncio.CancelledError, OSError):
                    await task

    async def _send(self, feed: Feed, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        fragments = await to_thread.run_sync(Fragments, self._size, self._metadata)
        while (moment := await feed.take()) is not None:
            data = await to_thread.run_sync(fragments.add, moment)
            if data:
                await send({"type": "http.response.body", "body": data, "more_body": True})


async def _disconnected(receive: Any) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
