"""Messages between server and drawing: whole, or known to be broken."""

import io
import struct

import numpy as np
import pytest

from mimictalk.streaming.messages import (
    KINDS,
    LARGEST,
    Broken,
    encode,
    encode_facts,
    encode_sound,
    read,
    sound_in,
)
from mimictalk.streaming.pace import HOP, LONGEST, LOOK_AHEAD, Pace


def test_what_is_written_is_read():
    stream = io.BytesIO(encode("picture", 7, b"abc") + encode_facts("ready", {"a": 1}) + encode("sound", -1))
    assert read(stream) == ("picture", 7, b"abc")
    assert read(stream) == ("ready", 0, b'{"a": 1}')
    assert read(stream) == ("sound", -1, b"")
    with pytest.raises(Broken):
        read(stream)


def test_sound_has_its_time():
    stream = io.BytesIO(encode_sound(3, np.arange(4, dtype=np.float64), False, 12.5))
    kind, index, content = read(stream)
    time, samples = sound_in(content)
    assert (kind, index, time) == ("sound", 3, 12.5)
    assert samples.tolist() == [0, 1, 2, 3]
    assert read(io.BytesIO(encode_sound(3, samples, True, 0.0)))[0] == "wanted sound"


@pytest.mark.parametrize(
    "content",
    [
        encode("picture", 7, b"abc")[:-1],
        b"\x01",
        struct.pack("<BqI", len(KINDS), 0, 0),
        struct.pack("<BqI", 0, 0, LARGEST + 1),
    ],
)
def test_what_is_none_is_broken(content):
    with pytest.raises(Broken):
        read(io.BytesIO(content))


def test_hops_are_those_of_the_motion():
    from talk_motion.streaming import StreamConfig

    config = StreamConfig()
    assert (config.look_ahead, config.hop) == (LOOK_AHEAD, HOP)


def test_the_delay_is_what_motion_and_drawing_need():
    pace = Pace(workers=2, seconds=0.04)
    for _ in range(40):
        pace.known(0.40)
    # 0.40 s until the motion is known, 0.02 s for one of two workers, 1.5 x 0.04 s of drawing, 0.01 s on the way.
    assert pace.needed == 13
    assert Pace(1, 5.0).needed == LONGEST
    assert Pace(1, 0.12).needed > Pace(4, 0.12).needed
