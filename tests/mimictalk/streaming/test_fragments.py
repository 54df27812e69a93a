"""Fragmented mp4 that any player reads: times are those of the sound, marks are in the file."""

import io

import av
import numpy as np
import pytest

from mimictalk.marks import Mark, mark_in
from mimictalk.streaming.fragments import Fragments
from mimictalk.streaming.moments import Moment

SIZE = 64


def moments(count: int, pictures, first: int = 0):
    phase = 2 * np.pi * 440 * np.arange(1920 * (first + count)) / 48000
    wave = np.repeat(0.3 * np.sin(phase).astype(np.float32)[:, None], 2, axis=1)
    for index in range(first, first + count):
        picture = np.full((SIZE, SIZE, 3), 8 * (index % 30), np.uint8) if pictures(index) else None
        yield Moment(index, wave[1920 * index : 1920 * (index + 1)], picture)


def read(content: bytes):
    with av.open(io.BytesIO(content)) as container:
        metadata = dict(container.metadata)
        times = [round(frame.time * 25, 3) for frame in container.decode(video=0)]
    with av.open(io.BytesIO(content)) as container:
        seconds = sum(frame.samples for frame in container.decode(audio=0)) / 48000
    return times, seconds, metadata


def test_every_picture_has_the_time_of_its_sound():
    mark = Mark("mimictalk test", "ab" * 32, "audio", "2026-11-21T00:00:00+00:00", watermark="0" * 16)
    fragments = Fragments(SIZE, mark.as_metadata())
    content = b"".join(fragments.add(each) for each in moments(75, lambda index: index % 3 == 0, first=1000))
    content += fragments.finish()
    times, seconds, metadata = read(content)
    # The first moment has no picture (1000 is no multiple of 3): the file begins with 1002.
    assert times == [3.0 * step for step in range(25)]
    assert seconds == pytest.approx(73 / 25, abs=0.03)
    assert mark_in(metadata) == mark.content()


def test_what_was_sent_can_be_read_at_any_time_and_little_is_held_back():
    fragments, sent = Fragments(SIZE, {}), b""
    for each in moments(100, lambda index: True):
        sent += fragments.add(each)
    times, seconds, _ = read(sent)
    assert len(times) >= 100 - 10
    assert seconds >= 4 - 0.4


def test_sound_does_not_wait_for_pictures_that_never_come():
    fragments = Fragments(SIZE, {})
    before = sum(len(fragments.add(each)) for each in moments(50, lambda index: True))
    sizes = [len(fragments.add(each)) for each in moments(100, lambda index: False, first=50)]
    assert before > 0
    # 4 s without a picture: sound leaves all the time, at least every 0.6 s.
    holes = [sum(sizes[start : start + 15]) for start in range(0, 90, 15)]
    assert all(holes), sizes
