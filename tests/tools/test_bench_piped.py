"""The piped bench tells what came when: on a stream of known fragments, and on arrivals that were made up."""

import io
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))

from bench import piped
from bench.piped import Fragment, Piped, Received, measured, steady
from mimictalk.video_writer import StreamWriter


class Sent(io.RawIOBase):
    """Remembers what was written."""

    def __init__(self) -> None:
        super().__init__()
        self.content = b""

    def write(self, data: bytes) -> int:
        self.content += bytes(data)
        return len(data)


@pytest.mark.parametrize("portion", [1000, 10**7])
def test_fragments_and_their_frames_are_found(portion):
    sent, sound = Sent(), [np.zeros((48000, 2), np.float32)]
    with StreamWriter(sent, sound, leader="picture", metadata={"comment": "c"}, size=(64, 64)) as writer:
        for index in range(27):
            writer.write(np.full((64, 64, 3), 5 * index, np.uint8))
    received = Received()
    for number, start in enumerate(range(0, len(sent.content), portion)):
        received.add(sent.content[start : start + portion], float(number))
    assert sum(one.frames for one in received.fragments) == 27
    assert received.first == 0.0
    assert all(one.frames <= 7 for one in received.fragments)  # 0.2 s, and what the encoder held back
    times = [one.at for one in received.fragments]
    assert times == sorted(times)


def values(fragments: list[Fragment]) -> dict[str, float]:
    return {one["name"]: one["value"] for one in steady(fragments, settled=1.0)}


def test_a_machine_that_keeps_pace():
    fragments = [Fragment(0.2 * number + 0.5, 5) for number in range(1, 101)]
    found = values(fragments)
    assert found["steady rate"] == pytest.approx(25)
    for share in ("p50", "p95"):
        assert found[f"time between fragments, {share}"] == pytest.approx(0.2)
    assert found["delay behind the sound, p95"] == pytest.approx(0.5)
    assert found["growth of the delay"] == pytest.approx(0, abs=1e-9)
    assert found["frames in a fragment, median"] == 5


def test_a_machine_that_is_too_slow():
    """It draws 20 frames a second: a fragment of 5 takes 0.25 s, and each comes 0.05 s later than the one before."""
    found = {one["name"]: one for one in steady([Fragment(0.25 * n, 5) for n in range(1, 101)], settled=1.0)}
    assert found["steady rate"]["value"] == pytest.approx(20)
    assert found["steady rate"]["holds"] is False
    assert found["growth of the delay"]["value"] == pytest.approx(60 * 0.05 / 0.25)


def test_too_little_is_told():
    for fragments in ([], [Fragment(1.0, 5)], [Fragment(0.1 * n, 5) for n in range(8)]):
        (one,) = steady(fragments)
        assert one["value"] is None and "fragments came" in one["reason"]


def test_both_starts_are_told_by_size(monkeypatch):
    fragments = [Fragment(0.2 * number + 0.5, 5) for number in range(1, 101)]
    first = {False: 9.0, True: 0.6}
    monkeypatch.setattr(piped, "pipe", lambda avatar, size, sound, ready: Piped(first[ready], fragments))
    found = {one["name"]: one["value"] for one in measured(Path("me"), 256, b"")}
    assert found["256/first video bytes, started with the sound"] == 9.0
    assert found["256/first video bytes, program ready"] == 0.6
    assert found["256/first frames, program ready"] == pytest.approx(0.7)
    assert found["256/steady rate"] == pytest.approx(25)
