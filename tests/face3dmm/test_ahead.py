"""Items come in order, a few early, and the thread that fetches them ends with its reader."""

import threading
import time
from collections.abc import Generator

import pytest

from face3dmm.ahead import ahead


def counting(end: int, log: list[object]) -> Generator[int, None, None]:
    try:
        for number in range(end):
            log.append(number)
            yield number
    finally:
        log.append("closed")


def test_everything_in_order() -> None:
    log: list[object] = []
    assert list(ahead(counting(50, log), depth=3)) == list(range(50))
    assert log == [*range(50), "closed"]
    assert list(ahead(counting(0, []))) == []


def test_no_more_than_depth_are_early() -> None:
    log: list[object] = []
    reader = ahead(counting(50, log), depth=2)
    assert [next(reader), next(reader)] == [0, 1]
    until = time.monotonic() + 5
    while len(log) < 4 and time.monotonic() < until:
        time.sleep(0.001)
    time.sleep(0.02)  # long enough for a fifth one, were it fetched
    assert log == [0, 1, 2, 3]


def test_a_reader_that_stops_closes_the_source_and_ends_the_thread() -> None:
    log: list[object] = []
    before = threading.active_count()
    reader = ahead(counting(50, log))
    next(reader)
    reader.close()  # type: ignore[attr-defined]  # as leaving a loop over it does
    assert log[-1] == "closed"
    assert threading.active_count() == before


def test_an_error_is_raised_after_the_items_before_it() -> None:
    def broken() -> Generator[int, None, None]:
        yield 1
        yield 2
        raise OSError("disk is gone")

    got = []
    with pytest.raises(OSError, match="disk is gone"):
        for item in ahead(broken(), depth=4):
            got.append(item)  # what came before the error is kept
    assert got == [1, 2]


def test_depth_is_at_least_one() -> None:
    with pytest.raises(ValueError, match="at least 1, got 0"):
        next(ahead(counting(1, []), depth=0))
