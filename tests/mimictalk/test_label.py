"""The visible label: where it is, that it can be read, and what cannot be one."""

import numpy as np
import pytest

from mimictalk.cli import fill_label
from mimictalk.errors import InputError
from mimictalk.label import MARGIN, Label
from mimictalk.mark_settings import LABEL


@pytest.mark.parametrize("grey", [0, 128, 255])
def test_letters_stand_out_in_the_lower_left_corner_on_any_ground(grey):
    frame = np.full((512, 512, 3), grey, np.uint8)
    drawn = Label(LABEL).draw(frame)
    assert (frame == grey).all()
    rows, columns = np.nonzero((drawn != grey).any(2))
    assert rows.min() > 440
    assert rows.max() < 512 - MARGIN
    assert columns.min() >= MARGIN
    assert columns.max() < 200
    corner = drawn[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1].astype(int)
    assert corner.max() - corner.min() > 100


def test_words_are_told_apart():
    frame = np.zeros((512, 512, 3), np.uint8)
    assert (Label("AI voice").draw(frame) != Label("AI-generated").draw(frame)).any()


@pytest.mark.parametrize("text", ["", " ", "x" * 41, "W" * 40, "名", "a\nb"])
def test_what_cannot_be_drawn_is_refused(text):
    with pytest.raises(InputError, match="--label"):
        Label(text)


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (["render", "--label"], ["render", f"--label={LABEL}"]),
        (["render", "--label", "--audio", "a.wav"], ["render", f"--label={LABEL}", "--audio", "a.wav"]),
        (["render", "--label", "made up", "me"], ["render", "--label", "made up", "me"]),
        (["verify", "--", "--label"], ["verify", "--", "--label"]),
    ],
)
def test_the_words_may_be_left_out(arguments, wanted):
    assert fill_label(arguments) == wanted
