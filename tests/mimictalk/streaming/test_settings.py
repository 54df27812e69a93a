"""Options of the live server: what is out of range is refused and quoted."""

from pathlib import Path

import pytest

from mimictalk.errors import InputError
from mimictalk.render_job import RenderSettings
from mimictalk.streaming.settings import StreamSettings
from mimictalk.streaming.speaker import SpeakerSettings
from mimictalk.video_settings import PIPE

VIDEO = RenderSettings(avatar=Path("me"), audio=PIPE, out=PIPE, style=Path("a.mp4"), label="made", seed=3)


@pytest.mark.parametrize(
    ("wrong", "quoted"),
    [
        ({"size": 300}, "300"),
        ({"delay": 0.1}, "0.1"),
        ({"delay": 9.0}, "9"),
        ({"port": 70000}, "70000"),
        ({"viewers": 0}, "0"),
        ({"ice_servers": ("http://evil.example",)}, "http://evil.example"),
        ({"ice_servers": ("stun:a b",)}, "stun:a b"),
        ({"ice_servers": ("turn:user:word@host",)}, "turn:user"),
    ],
)
def test_what_is_out_of_range_is_quoted(wrong, quoted):
    with pytest.raises(InputError, match=quoted):
        StreamSettings(VIDEO, **wrong)


def test_a_delay_is_a_whole_number_of_moments():
    assert StreamSettings(VIDEO).moments is None
    assert StreamSettings(VIDEO, delay=0.64, ice_servers=("stun:stun.example:3478",)).moments == 16


def test_the_process_that_draws_is_told_the_same():
    told = SpeakerSettings.of(Path("me"), 256, VIDEO, "00" * 8)
    again = told.as_video()
    assert again.style == Path("a.mp4").resolve()
    assert (again.seed, again.pose, again.blink) == (3, "ref", "auto")
    assert told.label == "made"


def test_wrong_use_ends_before_anything_is_loaded(cli):
    ran = cli("stream", "nobody", "--size", "300")
    assert ran.code == 2
    assert "300" in ran.err
    assert cli("stream", "nobody").code == 2
