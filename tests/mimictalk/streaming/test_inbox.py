"""Sound between two clocks: bounded, in order, never later than it must be."""

import numpy as np

from mimictalk.streaming.inbox import Inbox
from mimictalk.video_coding import SAMPLES_PER_FRAME as BLOCK


def count(first: int, samples: int) -> np.ndarray:
    return np.repeat(np.arange(first, first + samples, dtype=np.float32)[:, None], 2, axis=1)


def test_what_goes_in_comes_out_in_order():
    inbox = Inbox()
    inbox.put(count(1, 1000))
    inbox.put(count(1001, 4000))
    assert np.array_equal(inbox.take(), count(1, BLOCK))
    assert np.array_equal(inbox.take(), count(1 + BLOCK, BLOCK))


def test_silence_until_enough_is_there_to_last():
    inbox = Inbox(target=3000)
    assert not inbox.take().any()
    inbox.put(count(1, 2999))
    assert not inbox.take().any()
    inbox.put(count(3000, 1))
    assert np.array_equal(inbox.take(), count(1, BLOCK))
    assert inbox.gaps == 0


def test_where_it_runs_empty_it_fills_again_first():
    inbox = Inbox(target=2880)
    inbox.put(count(1, 2880))
    inbox.take()
    rest = inbox.take()
    assert np.array_equal(rest[:960], count(1 + BLOCK, 960))
    assert not rest[960:].any()
    assert inbox.gaps == 1
    inbox.put(count(9000, 960))
    assert not inbox.take().any()
    assert inbox.seconds is None


def test_too_much_is_dropped_from_the_old_end():
    inbox = Inbox(target=2880, most=9600)
    for second in range(10):
        inbox.put(count(48000 * second, 48000))
    assert inbox.dropped == 480_000 - 2880
    assert np.array_equal(inbox.take(), count(480_000 - 2880, BLOCK))


def test_a_sender_who_can_wait_is_told_when():
    inbox = Inbox(target=2880)
    assert inbox.has_room()
    inbox.put(count(0, 2880 + BLOCK))
    assert not inbox.has_room()
    inbox.take()
    assert inbox.has_room()
    assert inbox.seconds == 0


def test_a_sender_who_waits_for_us_says_nothing_about_the_pace():
    inbox = Inbox(leads=False)
    inbox.put(count(1, 9000))
    assert inbox.take().any()
    assert inbox.seconds is None
