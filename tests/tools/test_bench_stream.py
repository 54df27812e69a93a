"""The figures of tools/bench/stream.py on arrivals that were made up, so that the right answers are known."""

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("aiortc")
sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))

from bench import stream

DELAY = 0.08  # of the sound in a viewer's buffer


def arrivals(count: int, every: int, begin: int, later=lambda moment: 0.0, pause=lambda moment: 0.0):
    """Pictures of every so many moments and all the sound, of which the first picture is moment `begin`."""
    sound = [(0.04 * m + DELAY + pause(m), 0.04 * m) for m in range(count)]
    pictures = [(0.04 * m + pause(m) + later(m), 0.04 * (m - begin)) for m in range(begin, count, every)]
    return pictures, sound


def test_what_stays_together_has_no_offset() -> None:
    moved = stream.offsets(*arrivals(3000, 3, 17))
    assert np.abs(moved).max() < 1e-6


def test_pictures_that_come_later_and_later_are_seen() -> None:
    drift = lambda moment: 1e-5 * moment  # noqa: E731
    moved = stream.offsets(*arrivals(10_000, 3, 17, drift))
    assert moved[-1] == pytest.approx(0.1, abs=2e-3)


def test_a_pause_of_both_is_no_offset() -> None:
    """The delay grows once by 0.8 s, for sound and picture alike."""
    moved = stream.offsets(*arrivals(3000, 4, 17, pause=lambda moment: 0.8 * (moment > 900)))
    assert np.median(np.abs(moved)) < 1e-6
    assert (np.abs(moved) > 0.01).sum() <= 1  # the one about the pause


def test_a_few_late_pictures_are_seen_one_by_one() -> None:
    late = lambda moment: 0.04 * (moment % 30 == 17)  # noqa: E731
    moved = stream.offsets(*arrivals(3000, 3, 17, late))
    assert np.percentile(moved, 95) == pytest.approx(0.04, abs=1e-6)
    assert np.median(moved) == pytest.approx(0, abs=1e-6)


def test_the_growth_of_memory_is_that_after_two_minutes() -> None:
    pictures, sound = arrivals(25 * 300, 1, 0)
    memory = [(float(t), 2**20 * (500 + (300 if t > 60 else 5 * t) + 0.01 * t)) for t in range(300)]
    state = {"delay": 1.1, "overdue": 10, "shown": 1000, "late": 3, "gaps": 0}
    server = SimpleNamespace(delay=1.0, possible=30.0)
    watcher = SimpleNamespace(pictures=pictures, sound=sound)
    found = {
        each["name"]: each["value"]
        for each in stream.figures(server, watcher, [0.2, 0.3], memory, state, 0.0)
    }
    assert found["growth of memory"] == pytest.approx(36.0)  # 0.01 MB/s
    assert found["rate, p50 of seconds"] == 25
    assert found["shown 40 ms late"] == 0.01
    assert found["sound against picture, p95"] == 0
    assert found["first picture after asking, p50 of 2"] == 0.25
