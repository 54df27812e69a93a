"""Words for a mouth that does not go with its sound, and sound that is moved to its mouth."""

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import talk_motion.sync_measure
from mimictalk.clip_sound import read_clip_sound
from mimictalk.sync_check import check_sync
from talk_motion import extract_features


@dataclass(frozen=True)
class Coeffs:
    expression: torch.Tensor
    confidence: torch.Tensor


@dataclass(frozen=True)
class Track:
    coeffs: Coeffs


@pytest.fixture
def heard(monkeypatch):
    """Checks a clip whose mouth comes `offset` frames after its sound, by an expert who looks 15 frames far
    and is as sure as wanted."""

    def run(frames: int, offset: int | None, trusted: bool = True, honest: bool = True):
        moves: list[int] = []

        def measure(features, expression, *, seen):
            left = None if offset is None else offset - (moves[-1] if honest else 0)
            shown = None if left is None else max(-15, min(15, left))
            return SimpleNamespace(offset_frames=shown, confidence=0.2, trusted=trusted)

        def features_at(moved: int):
            moves.append(moved)
            return extract_features(np.full(frames * 640, 0.1))

        monkeypatch.setattr(talk_motion.sync_measure, "measure_sync", measure)
        return check_sync(features_at, Track(Coeffs(torch.zeros(frames, 64), torch.ones(frames))))

    return run


@pytest.mark.parametrize(
    ("offset", "words"),
    [
        (-15, "the sound comes 600 ms late: it is moved to the picture"),
        (-40, "the sound comes 1600 ms late: it is moved to the picture"),
        (3, "the picture comes 120 ms late: it is moved to the sound"),
    ],
)
def test_a_delay_is_told_and_made_good(heard, offset, words):
    found = heard(150, offset)
    assert (found.offset, found.judgement.grade, found.judgement.found) == (offset, "warn", words)
    moved = {"sync_offset_ms": 40 * offset, "sound_moved_ms": 40 * offset}
    assert found.facts == {**moved, "sync_confidence": 0.2}


def test_what_a_clip_in_step_measures_is_left(heard):
    for offset in (-1, 0, 1):
        found = heard(100, offset)
        assert (found.offset, found.judgement.grade) == (0, "go")
        assert found.facts["sync_offset_ms"] == 40 * offset


def test_a_delay_that_no_shift_makes_good_is_told_and_left(heard):
    found = heard(100, -7, honest=False)
    assert found.offset == 0
    assert found.facts["sound_moved_ms"] == 0
    assert found.judgement.found == (
        "the sound comes 280 ms late: mouth and sound are apart, and no shift brings them together"
    )


def test_a_strangers_voice_is_told_where_the_clip_is_long_enough(heard):
    assert "own voice" in heard(200, 7, trusted=False).judgement.found
    assert heard(199, 7, trusted=False).judgement.grade == "go"
    assert heard(200, 7, trusted=False).offset == 0


def test_too_little_to_go_by(heard):
    nothing = {"sync_offset_ms": None, "sync_confidence": None, "sound_moved_ms": 0}
    for found in (heard(49, -15), heard(100, None, trusted=False)):
        assert (found.offset, found.judgement.grade, found.facts) == (0, "go", nothing)


@pytest.mark.slow
@pytest.mark.parametrize("extra", [0, 20])
def test_sound_that_is_600_ms_late_ends_within_a_frame(media, extra):
    """`extra` frames more take it out of the expert's sight."""
    from face3dmm import track_video
    from mimictalk.sound_alignment import moved
    from talk_motion.sync_measure import measure_sync

    path = media / "hostile" / "v_audio_late_600ms.mp4"
    if not path.is_file():
        pytest.skip(f"no hostile media in {media}")
    track, sound = track_video(path), read_clip_sound(path)
    later = moved(sound.samples, extra)
    found = check_sync(lambda offset: extract_features(moved(later, offset)), track)
    assert found.offset == pytest.approx(-15 - extra, abs=1)
    features = extract_features(moved(later, found.offset))
    frames = min(features.frames, len(track.coeffs))
    measured = measure_sync(features.slice(0, frames), track.coeffs.expression[:frames])
    assert measured.trusted
    assert abs(measured.offset_frames) <= 1
