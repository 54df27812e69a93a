"""Sound moved beside its picture."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from mimictalk.sound_alignment import heard_part, moved


@dataclass(frozen=True)
class Coeffs:
    confidence: torch.Tensor


@dataclass(frozen=True)
class Track:
    coeffs: Coeffs


@pytest.mark.parametrize("offset", [-15, -1, 0, 1, 4])
def test_a_click_moves_by_40_ms_a_frame(offset):
    click = np.zeros(16000, np.float32)
    click[12000] = 1
    there = moved(click, offset)
    assert there.dtype == np.float32
    assert int(there.argmax()) == 12000 + 640 * offset


def test_there_is_nothing_to_learn_where_no_sound_is():
    track = Track(Coeffs(torch.ones(10)))
    assert heard_part(track, -3) is track
    assert heard_part(track, 3).coeffs.confidence.tolist() == [0.0] * 3 + [1.0] * 7
    assert bool((track.coeffs.confidence == 1).all())
