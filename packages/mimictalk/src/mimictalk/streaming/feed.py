"""What one viewer has not taken yet."""

import asyncio
from collections import deque
from dataclasses import replace

from mimictalk.streaming.moments import FPS, Moment

FEW = FPS * 2 // 5  # moments: a viewer who is further behind gets no pictures
MOST = FPS * 5  # moments: one who cannot even take the sound is let go


class Feed:
    """A bounded queue for one viewer. A slow one loses pictures; sound is neither lost nor held back.

    Args:
        few: Moments that may wait with their pictures.
        most: Moments that may wait at all.

    Attributes:
        dropped: Pictures that the viewer was too slow for.
        over: Set when nothing more comes: the viewer was let go, or the stream has ended.
    """

    def __init__(self, few: int = FEW, most: int = MOST) -> None:
        self._few, self._most, self.dropped = few, most, 0
        self.over = asyncio.Event()
        self._waiting: deque[Moment] = deque()
        self._there = asyncio.Event()

    def put(self, moment: Moment) -> None:
        """Append a moment."""
        if self.over.is_set():
            return
        self._waiting.append(moment)
        self._there.set()
        if len(self._waiting) > self._most:
            self.close()
        elif len(self._waiting) > self._few:
            self._drop_a_picture()

    async def take(self) -> Moment | None:
        """The next moment; None when it is over."""
        while not self._waiting and not self.over.is_set():
            self._there.clear()
            await self._there.wait()
        return None if self.over.is_set() else self._waiting.popleft()

    def close(self) -> None:
        """Nothing more will be given."""
        self.over.set()
        self._waiting.clear()
        self._there.set()

    def _drop_a_picture(self) -> None:
        # The oldest ones: what is shown when the viewer has caught up is the newest.
        for place in range(len(self._waiting) - self._few):
            if self._waiting[place].picture is not None:
                self._waiting[place] = replace(self._waiting[place], picture=None)
                self.dropped += 1
