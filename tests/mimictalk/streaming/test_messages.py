"""Messages between server and drawing: whole, or known to be broken."""

import io
import struct

import numpy as np
import pytest

from mimictalk.streaming.drawing_process import HOP, LONGEST, LOOK_AHEAD, delay_for
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


def test_the_delay_is_what_motion_and_drawing_need():
    from talk_motion.streaming import StreamConfig

    config = StreamConfig()
    assert (config.look_ahead, config.hop) == (LOOK_AHEAD, HOP)
    # 8 moments ahead, 1 until the hop is whole, then 0.08 s of motion and two rounds of 2 frames: 0.08 + 0.09 + 0.01.
    assert delay_for(0.03, 0.08, 2) == 8 + 1 + 5
    assert delay_for(5.0, 1.0, 1) == LONGEST
    assert delay_for(0.06, 0.08, 1) > delay_for(0.06, 0.08, 4)
