"""Fetch ahead: a thread of its own keeps the next items ready while the present one is worked on."""

from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TypeVar

Item = TypeVar("Item")
DEPTH = 2  # items; more than one, so that an uneven pace on either side is evened out


def ahead(items: Generator[Item, None, None], depth: int = DEPTH) -> Iterator[Item]:
    """Give what a generator gives, in its order, with up to `depth` items fetched before they are asked for.

    The generator runs in one other thread, pays there where native code releases the interpreter, and is
    closed when the reader stops. What it raises is raised here, after the items before it.

    Args:
        items: Not used by anybody else.
        depth: Items in memory beside the one given, at least 1.

    Raises:
        ValueError: If depth is below 1.
    """
    if depth < 1:
        raise ValueError(f"depth must be at least 1, got {depth}")
    ended = object()
    with closing(items), ThreadPoolExecutor(1) as beside:
        waiting = deque(beside.submit(next, items, ended) for _ in range(depth))
        try:
            while (item := waiting.popleft().result()) is not ended:
                waiting.append(beside.submit(next, items, ended))
                yield item  # type: ignore[misc]  # only the mark is no Item
        finally:
            for one in waiting:
                one.cancel()
