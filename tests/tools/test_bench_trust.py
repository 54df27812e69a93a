"""The trust bench measures what it says: its attacks do something, its failures are counted."""

import io

import av
import numpy as np
import pytest

from bench.trust import failures, found, missed, rates
from bench.trust_clips import (
    ATTACKS,
    brightness,
    changed_byte,
    clip,
    coded,
    decoded,
    halved,
    media_bytes,
    remuxed,
)
from bench.trust_scenes import KINDS, scene
from mimictalk.watermark_detection import detect


@pytest.fixture(scope="module")
def video() -> bytes:
    return coded(clip(3, 3), 18)


def test_clips_differ_by_seed_and_move():
    one, other = clip(1, 2), clip(2, 2)
    assert (one[0] != other[0]).any()
    assert (one[0] != one[1]).any()
    assert (clip(1, 2)[1] == one[1]).all()


def test_remuxing_keeps_the_packets(video):
    def packets(content):
        with av.open(io.BytesIO(content)) as container:
            return sum(packet.size > 0 for packet in container.demux(video=0))

    assert packets(remuxed(video)) == packets(video) == 3


@pytest.mark.parametrize("name", ATTACKS)
def test_every_attack_gives_frames(video, name):
    frames = brightness(ATTACKS[name](video))
    assert len(frames) == 3
    side = 384 if "scale" in name else 460 if "crop" in name else 512
    assert frames[0].shape == (side, side)
    same = name in ("as written", "remux")
    assert (frames[0].shape == (512, 512) and (frames[0] == brightness(video)[0]).all()) == same


def test_coding_again_chooses_its_own_kinds_of_frames(video):
    first, second = decoded(coded(decoded(coded(clip(3, 3), 18, "mpeg4")), 23))[:2]
    assert first.key_frame
    assert not second.key_frame


@pytest.mark.parametrize("kind", range(len(KINDS)))
def test_unmarked_clips_differ_in_content_and_size(kind):
    clips = [scene(seed, 2) for seed in range(kind, 4 * len(KINDS), len(KINDS))]
    assert len({each[0].shape for each in clips}) > 1
    assert len({each[0].mean() for each in clips}) == len(clips)
    assert all(frame.dtype == np.uint8 and frame.std() > 1 for each in clips for frame in each)
    assert not any(side % 16 for each in clips for side in each[0].shape[:2])
    assert (scene(kind, 2)[1] == clips[0][1]).all()


def test_one_bit_is_changed_where_media_are(tmp_path, video):
    (tmp_path / "a.mp4").write_bytes(video)
    places = np.concatenate([np.array(each) for each in media_bytes(tmp_path / "a.mp4")])
    changed = changed_byte(video, int(places[5]), 3)
    assert [at for at in range(len(video)) if changed[at] != video[at]] == [places[5]]
    assert 0.9 * len(video) < len(places) < len(video)


def test_the_rule_of_three_is_stated_only_without_failures():
    none, bound = failures("x", 0, 300)
    assert (none["value"], none["holds"], bound["value"]) == (0.0, True, 0.01)
    (some,) = failures("x", 2, 300)
    assert (some["value"], some["holds"]) == (2.0, False)
    assert failures("x", 0, 0)[0]["value"] is None


def test_rates_are_shares():
    results = [dict.fromkeys(ATTACKS, True), dict.fromkeys(ATTACKS, False)]
    assert {one["value"] for one in rates(results, True)} == {0.5}
    assert all(one["value"] == 1.0 and one["holds"] is False for one in rates(results, False))


def test_seeds_of_failures_are_listed():
    tasks = [("marked", 7, 16), ("marked", 8, 16)]
    results = [dict.fromkeys(ATTACKS, 1), dict.fromkeys(ATTACKS, 1) | {"remux": 0}]
    assert missed(tasks, results, 0) == {"remux": [8]}


@pytest.mark.parametrize("half", [False, True])
def test_a_marked_clip_is_found_as_written(monkeypatch, half):
    sides = []
    look = lambda frames: sides.append(frames[0].shape) or detect(frames)  # noqa: E731
    monkeypatch.setattr("bench.trust.detect", look)
    monkeypatch.setattr("bench.trust.ATTACKS", {"as written": ATTACKS["as written"]})
    assert found(0, frames=4, marked=True, half=half) == {"as written": True}
    assert sides == [(256, 256) if half else (512, 512)]


def test_half_a_picture_has_the_means():
    picture = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    assert halved(picture)[0, 1].tolist() == [
        14,
        14,
        16,
    ]  # of 6, 9, 18, 21 and so on: 13.5, 14.5, 15.5, to even
    assert halved(picture).shape == (2, 2, 3)
