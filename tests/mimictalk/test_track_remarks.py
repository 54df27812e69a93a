"""The tracker's remarks as judgements."""

import inspect
import re

import pytest

from face3dmm import clip_remarks
from mimictalk.track_remarks import MEASURED, REMARKS, WELL, judge_remarks


def test_nothing_odd():
    assert {one.check: one.grade for one in judge_remarks(())} == dict.fromkeys(WELL, "go")


@pytest.mark.parametrize(
    ("remark", "check"),
    [
        ("2 faces are in the picture: the left one is followed", "faces"),
        ("there is a cut at 4.0 s: if another person is shown from there on, cut the clip", "cuts"),
        ("no face is seen from 3.0 to 7.0 s: these frames are left out", "face in view"),
        ("the picture is frozen from 1.0 to 2.0 s", "face in view"),
        ("the mouth hardly moves or is covered: there is no speech to learn from", "mouth in view"),
        ("the frame rate varies", "file"),
    ],
)
def test_a_remark_is_a_warning_with_a_cure(remark, check):
    judged = judge_remarks([remark])
    (odd,) = [one for one in judged if one.grade != "go"]
    assert (odd.check, odd.grade, odd.found, bool(odd.cure)) == (check, "warn", remark, True)
    assert sum(one.check == check for one in judged) == 1


def test_what_is_measured_elsewhere_is_said_once():
    told = ["the face is small (70 pixels): the avatar will be blurred", "the face is very dark: film it in"]
    assert all(one.grade == "go" for one in judge_remarks(told))


def test_the_tracker_still_uses_these_words():
    source = inspect.getsource(clip_remarks)
    for pattern in [*(pattern for pattern, _, _ in REMARKS[1:]), *MEASURED]:
        assert re.search(pattern, source), pattern
    assert "faces are in the picture" in source
