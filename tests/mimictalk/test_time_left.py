"""How long a stage still takes: the first steps, which load and warm up, do not count."""

import pytest

from mimictalk.time_left import TimeLeft


def test_steps_of_equal_length():
    left = TimeLeft()
    told = [left("learn", done, 100, 0.5 * done) for done in range(101)]
    assert told[:2] == [None, None], "nothing is known in the first second"
    assert told[10:] == pytest.approx([0.5 * (100 - done) for done in range(10, 101)])


def test_a_slow_first_step_is_forgotten():
    left = TimeLeft()
    at = [0.0, *(30.0 + done for done in range(1, 101))]  # the first step takes 31 s, all others one
    told = [left("learn", done, 100, now) for done, now in enumerate(at)]
    assert told[1] == pytest.approx(31 * 99)
    assert told[10:] == pytest.approx([100.0 - done for done in range(10, 101)])


def test_what_was_done_before_counts_as_done_not_as_fast():
    left = TimeLeft()
    told = [left("learn", 50 + step, 100, 2.0 * step) for step in range(10)]
    assert told[-1] == pytest.approx(2.0 * 41)


def test_waiting_for_a_step_uses_its_time_up():
    left = TimeLeft()
    for done in range(11):
        left("learn", done, 20, 3.0 * done)
    assert left("learn", 10, 20, 32.0) == pytest.approx(28.0)
    assert left("learn", 10, 20, 900.0) == 0


def test_what_is_not_known():
    left = TimeLeft()
    assert left("listen", 0, 0, 0.0) is None
    assert left("listen", 90, 0, 9.0) is None, "without a total"
    assert left("draw", 1, 10, 10.0) is None, "another stage begins anew"
    assert left("draw", 1, 10, 19.0) is None, "nothing was done in it yet"
