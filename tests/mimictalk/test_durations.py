"""Lengths of time as people type them."""

import pytest

from mimictalk.durations import parse_duration, show_duration
from mimictalk.errors import InputError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("90s", 90), ("10m", 600), ("1h30m", 5400), ("0.5h", 1800), ("1m30s", 90), (" 2M ", 120)],
)
def test_parse(text, seconds):
    assert parse_duration(text, "--budget") == seconds


@pytest.mark.parametrize("text", ["", "0", "-5", "ten", "10 m 5", "m", "10x", "1e3", "nan", "inf"])
def test_refuse(text):
    with pytest.raises(InputError) as caught:
        parse_duration(text, "--budget")
    assert str(caught.value) == (
        f"--budget: {text!r} is not a length of time\nWrite for example 90s, 10m or 1h30m."
    )


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (59, "59 s"), (200, "3:20 min"), (3900, "1:05 h")]
)
def test_show(seconds, text):
    assert show_duration(seconds) == text
