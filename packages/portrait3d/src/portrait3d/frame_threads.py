"""Frames side by side: one is too small to be shared well by several cores, whole ones are not."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import torch

Given = TypeVar("Given")
Made = TypeVar("Made")


def in_threads(
    work: Callable[[Given], Made], given: Iterable[Given], workers: int | None = None
) -> Iterator[Made]:
    """What `work` makes of each thing given, in order, several at a time.

    Each is done by one thread, so that no result depends on how many there are. Until the last is taken the
    caller computes with one thread too: its helpers would wait for cores that are at work. Memory does not
    grow with the number of things. Who stops early, for Ctrl-C say, does not wait for what is in work.

    Args:
        work: Takes one thing; settings of torch that belong to a thread (`torch.no_grad`) it sets itself.
        given: Taken as they are needed.
        workers: Things in work at once; None for as many as there are cores.
    """
    count = workers or _cores()
    threads = torch.get_num_threads()
    waiting: deque[Future[Made]] = deque()
    pool = ThreadPoolExecutor(count, "frame", torch.set_num_threads, (1,))
    torch.set_num_threads(1)
    try:
        for thing in given:
            waiting.append(pool.submit(work, thing))
            if len(waiting) > 2 * count:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        torch.set_num_threads(threads)


def _cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
