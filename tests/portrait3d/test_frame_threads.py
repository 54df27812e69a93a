"""Frames side by side: in order, and nobody waits for those that are not wanted any more."""

import threading
import time

import torch

from portrait3d.frame_threads import in_threads


def test_everything_comes_in_its_order() -> None:
    def slower_first(number: int) -> int:
        time.sleep(0.01 if number % 2 else 0.0)
        return -number

    assert list(in_threads(slower_first, range(20), workers=3)) == [-number for number in range(20)]


def test_who_stops_early_does_not_wait_for_what_is_in_work() -> None:
    threads, held, done = torch.get_num_threads(), threading.Event(), list[int]()

    def work(number: int) -> int:
        if number:
            held.wait(30)
        done.append(number)
        return number

    began = time.monotonic()
    frames = in_threads(work, range(100), workers=2)
    assert next(frames) == 0
    frames.close()  # type: ignore[attr-defined]  # a generator
    assert time.monotonic() - began < 5
    assert torch.get_num_threads() == threads
    held.set()
    while any(thread.name.startswith("frame") for thread in threading.enumerate()):
        time.sleep(0.01)
    assert len(done) <= 3  # what was in work; the rest was never begun
