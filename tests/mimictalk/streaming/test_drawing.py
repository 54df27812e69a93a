"""Threads that draw: frames belong to their sound, holes begin anew, a failure is not hidden."""

import time

import numpy as np
import pytest

from mimictalk.streaming.drawing import Drawing
from mimictalk.streaming.pace import Pace
from mimictalk.streaming.schedule import Schedule
from quick_drawing import QuickSpeaker

FRAME = 640


def talk(drawing: Drawing, indices, loud=lambda index: False, wanted: bool = True) -> None:
    for index in indices:
        drawing.hear(index, np.full(FRAME, 0.5 if loud(index) else 0.0, np.float32), wanted)


def drawn(indices, loud=lambda index: False, wanted: bool = True, more=()):
    """Frames that come for sound that is heard all at once, with a delay that lets nothing be late."""
    sent: dict[int, int] = {}
    drawing = Drawing(
        QuickSpeaker({"size": 8, "video": {}}),
        Schedule(1000, Pace(2, 0.01)),
        lambda index, frame: sent.__setitem__(index, int(frame[0, 0, 0])),
        2,
    )
    talk(drawing, indices, loud, wanted)
    talk(drawing, more, loud)
    deadline = time.monotonic() + 10
    while drawing._sound.qsize() and time.monotonic() < deadline:
        time.sleep(0.01)
    drawing_is_idle(drawing)
    drawing.close()
    return sent, drawing


def drawing_is_idle(drawing: Drawing) -> None:
    """Waits until nothing is left to draw."""
    for _ in range(500):
        time.sleep(0.01)
        with drawing._changed:
            if not drawing._schedule._waiting:
                break
    time.sleep(0.1)


def test_every_frame_is_that_of_its_sound():
    sent, _ = drawn(range(40), loud=lambda index: index % 5 == 0)
    assert sorted(sent) == list(range(35))  # the last five wait for what follows
    assert {index: grey for index, grey in sent.items() if grey == 250} == dict.fromkeys(range(0, 35, 5), 250)


def test_sound_that_is_missing_begins_a_new_motion_without_a_slip():
    sent, _ = drawn(range(20), lambda index: index % 7 == 0, more=range(30, 60))
    assert sorted(sent) == [*range(15), *range(30, 53)]  # 30 to 57 is seven hops of four
    assert all((grey == 250) == (index % 7 == 0) for index, grey in sent.items())


def test_what_nobody_wants_is_not_drawn():
    sent, drawing = drawn(range(40), wanted=False)
    assert sent == {}
    assert drawing.figures()["drawn"] == 0


def test_a_failure_in_a_thread_is_told():
    class Broken(QuickSpeaker):
        def draw(self, motion, frame):
            raise ArithmeticError("no such frame")

    drawing = Drawing(
        Broken({"size": 8, "video": {}}), Schedule(1000, Pace(2, 0.01)), lambda index, frame: None, 1
    )
    with pytest.raises(ArithmeticError, match="no such frame"):
        for index in range(2000):
            drawing.hear(index, np.zeros(FRAME, np.float32), True)
            time.sleep(0.005)
