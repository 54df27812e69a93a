"""The pace follows the sender's crystal, within what nobody hears."""

import numpy as np
import pytest

from mimictalk.streaming.inbox import Inbox
from mimictalk.streaming.moments import SECONDS
from mimictalk.streaming.pacer import MOST, Pacer

PACKET = 960


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize("ppm", [-300, -40, 0, 100, 300])
def test_half_an_hour_with_another_crystal_loses_no_sample(ppm):
    clock, inbox, sent = Clock(), Inbox(), 0
    pacer, packet = Pacer(clock), np.zeros((PACKET, 2), np.float32)
    start, ticks = clock.now, 0
    while clock.now < start + 1800:
        clock.now += max(0.0, pacer.wait())
        while sent * PACKET / 48_000 <= (clock.now - start) * (1 + ppm * 1e-6):
            inbox.put(packet)
            sent += 1
        inbox.take()
        pacer.count(inbox.seconds)
        ticks += 1
    assert inbox.dropped == 0
    assert inbox.gaps == 0
    # As many moments as the sender has sent: the sound goes out at the sender's pace.
    assert abs(ticks - sent * PACKET / 1920) <= 4


def test_without_a_sender_it_keeps_real_time():
    clock = Clock()
    pacer = Pacer(clock)
    for _ in range(1000):
        clock.now += pacer.wait()
        pacer.count(None)
    assert clock.now == pytest.approx(100 + 1000 * SECONDS, abs=1e-6)


def test_the_pace_changes_by_half_a_percent_at_most():
    clock = Clock()
    pacer = Pacer(clock)
    clock.now += pacer.wait()
    for too_much, sign in ((5.0, -1), (-5.0, 1)):
        pacer.count(too_much)
        waited = pacer.wait()
        assert waited == pytest.approx(SECONDS * (1 + sign * MOST))
        clock.now += waited


def test_a_short_stall_is_caught_up_and_a_sleep_is_skipped():
    clock = Clock()
    pacer = Pacer(clock)
    clock.now += 0.5
    assert pacer.wait() < 0
    assert pacer.skipped == 0
    clock.now += 3600
    assert pacer.wait() == pytest.approx(0, abs=1e-6)
    assert pacer.skipped == pytest.approx(3600.46, abs=0.01)
