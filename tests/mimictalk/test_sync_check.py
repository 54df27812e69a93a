"""Words for a mouth that does not go with its sound."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

import talk_motion.sync_measure
from mimictalk.sync_check import check_sync
from talk_motion import extract_features


@pytest.fixture
def heard(monkeypatch):
    """Checks a clip of a length about which the sync expert says what is wanted."""

    def run(frames: int, offset: int | None, trusted: bool):
        said = SimpleNamespace(offset_frames=offset, confidence=0.2, trusted=trusted)
        monkeypatch.setattr(talk_motion.sync_measure, "measure_sync", lambda *given, **also: said)
        coeffs = SimpleNamespace(expression=torch.zeros(frames, 64), confidence=torch.ones(frames))
        features = extract_features(np.full(frames * 640, 0.1))
        return check_sync(features, SimpleNamespace(coeffs=coeffs))

    return run


@pytest.mark.parametrize(
    ("offset", "words"),
    [
        (-15, "the sound comes 600 ms late: mouth and sound are apart"),
        (3, "the picture comes 120 ms late: mouth and sound are apart"),
    ],
)
def test_a_delay_is_told(heard, offset, words):
    facts, odd = heard(100, offset, trusted=True)
    assert odd == (words,)
    assert facts == {"sync_offset_ms": 40 * offset, "sync_confidence": 0.2}


def test_what_nobody_notices_is_not_told(heard):
    assert heard(100, -2, trusted=True)[1] == ()


def test_a_strangers_voice_is_told_where_the_clip_is_long_enough(heard):
    assert "own voice" in heard(200, 7, trusted=False)[1][0]
    assert heard(199, 7, trusted=False)[1] == ()


def test_too_little_to_go_by(heard):
    nothing = {"sync_offset_ms": None, "sync_confidence": None}
    assert heard(49, -15, trusted=True) == (nothing, ())
    assert heard(100, None, trusted=False) == (nothing, ())
