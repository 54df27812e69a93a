"""Grades, and the table they are shown in."""

import pytest

from mimictalk.judgement import GO, NO_GO, WARN, Judgement, as_lines, worst

GOOD = Judgement("light", GO, "bright")
ODD = Judgement("face size", WARN, "small", "Film it closer.")
BAD = Judgement("sharpness", NO_GO, "blurred", "Focus.")


def test_the_worst_counts():
    assert worst([]) == GO
    assert worst([GOOD]) == GO
    assert worst([GOOD, ODD]) == WARN
    assert worst([BAD, ODD, GOOD]) == NO_GO


def test_each_line_with_its_cure():
    assert as_lines([GOOD, ODD]) == [
        "go     light      bright",
        "warn   face size  small",
        "                  -> Film it closer.",
    ]


@pytest.mark.parametrize(("grade", "cure"), [("fine", ""), (GO, "Do this."), (WARN, ""), (NO_GO, "")])
def test_what_makes_no_sense_is_refused(grade, cure):
    with pytest.raises(ValueError, match="grade|cure"):
        Judgement("light", grade, "bright", cure)


def test_for_json():
    assert ODD.as_dict() == {
        "check": "face size", "grade": "warn", "found": "small", "cure": "Film it closer.", "numbers": None,
    }  # fmt: skip
