"""Sound leads: every moment goes out in its turn, with its own picture or with none."""

import numpy as np
import pytest

from mimictalk.streaming.moments import Moments
from mimictalk.video_coding import SAMPLES_PER_FRAME


def sound(index: int) -> np.ndarray:
    return np.full((SAMPLES_PER_FRAME, 2), index, np.float32)


def test_sound_goes_out_in_order_after_the_delay():
    moments = Moments(3)
    out = [moments.hear(sound(index)) for index in range(10)]
    assert out[:3] == [None] * 3
    assert [moment.index for moment in out[3:]] == list(range(7))
    assert [moment.sound[0, 0] for moment in out[3:]] == list(range(7))
    assert moments.next == 7


def test_a_picture_goes_with_its_own_sound_or_with_the_next_and_its_own_time():
    moments = Moments(2)
    for index in range(4):
        moments.hear(sound(index))  # moments 0 and 1 have gone out
    assert not moments.draw(0, "too late")
    assert moments.draw(1, "one")
    assert moments.draw(3, "three")
    assert not moments.draw(4, "of the future")
    after = moments.hear(sound(4))
    assert (after.index, after.sound[0, 0], after.picture, after.shown) == (2, 2, "one", 1)
    third = moments.hear(sound(5), wanted=False)
    assert (third.picture, third.shown, third.overdue) == ("three", 3, False)
    counted = moments.late, moments.missing, moments.shown, moments.overdue
    assert counted == (2, 2, 2, 1)  # moments 0 and 1 went out without a picture
    for index in range(6, 9):
        moments.hear(sound(index), wanted=False)
    assert moments.missing == 3  # and moment 4; of 5 and later ones nobody wanted pictures


def test_a_picture_that_is_late_gives_way_to_the_one_that_is_not():
    moments = Moments(1)
    for index in range(3):
        moments.hear(sound(index))
    assert moments.draw(1, "one")
    assert moments.draw(2, "two")
    moment = moments.hear(sound(3))
    assert (moment.picture, moment.shown) == ("two", 2)
    assert (moments.late, moments.overdue) == (1, 0)


def test_a_longer_delay_is_one_pause_and_loses_nothing():
    moments = Moments(2)
    out = [moments.hear(sound(index)) for index in range(5)]
    moments.lengthen(4)
    out += [moments.hear(sound(index)) for index in range(5, 9)]
    assert [None if moment is None else moment.index for moment in out] == [None] * 2 + [0, 1, 2] + [
        None
    ] * 2 + [3, 4]
    moments.lengthen(1)
    assert moments.delay == 4


def test_a_delay_is_at_least_one_moment():
    with pytest.raises(ValueError, match="got 0"):
        Moments(0)
