"""A slow viewer loses pictures; their sound stays whole and is never held back; a dead one is let go."""

import asyncio

import numpy as np

from mimictalk.streaming.feed import Feed
from mimictalk.streaming.moments import Moment

SOUND = np.zeros((1920, 2), np.float32)


def moment(index: int) -> Moment:
    return Moment(index, SOUND, f"picture {index}")


def test_a_viewer_who_keeps_up_gets_everything():
    async def watch():
        feed = Feed()
        taken = []
        for index in range(100):
            feed.put(moment(index))
            taken.append(await feed.take())
        return feed, taken

    feed, taken = asyncio.run(watch())
    assert [each.picture for each in taken] == [f"picture {index}" for index in range(100)]
    assert feed.dropped == 0


def test_a_slow_viewer_gets_all_the_sound_and_the_newest_pictures():
    async def watch():
        feed = Feed(few=10, most=125)
        for index in range(50):
            feed.put(moment(index))
        return feed, [await feed.take() for _ in range(50)]

    feed, taken = asyncio.run(watch())
    assert [each.index for each in taken] == list(range(50))
    assert all(each.sound is SOUND for each in taken)
    assert [each.picture is not None for each in taken] == [False] * 40 + [True] * 10
    assert feed.dropped == 40


def test_one_who_takes_nothing_is_let_go():
    async def watch():
        feed = Feed(few=10, most=125)
        for index in range(1000):
            feed.put(moment(index))
        return feed.over.is_set(), await feed.take(), len(feed._waiting)

    assert asyncio.run(watch()) == (True, None, 0)


def test_who_waits_is_woken():
    async def watch():
        feed = Feed()
        waiting = asyncio.create_task(feed.take())
        await asyncio.sleep(0)
        feed.put(moment(7))
        first = await waiting
        ending = asyncio.create_task(feed.take())
        await asyncio.sleep(0)
        feed.close()
        return first.index, await ending

    assert asyncio.run(watch()) == (7, None)
