"""Turned pictures are told from upright ones."""

import numpy as np
import pytest

from face3dmm.detector import FaceFinder
from face3dmm.turned import quarter_turns
from face3dmm.video import open_video


@pytest.fixture(scope="module")
def finder() -> FaceFinder:
    return FaceFinder()


@pytest.mark.parametrize("turns", range(4))
def test_a_photograph(finder: FaceFinder, turns: int) -> None:
    astronaut = pytest.importorskip("skimage.data").astronaut()
    turned = np.rot90(astronaut, -turns)
    assert quarter_turns(finder, [turned] * 3) == turns
    assert quarter_turns(finder, [astronaut, astronaut, turned]) == 0


def test_nothing_to_turn(finder: FaceFinder) -> None:
    assert quarter_turns(finder, []) == 0
    assert quarter_turns(finder, [np.zeros((64, 64, 3), np.uint8)]) == 0


@pytest.mark.parametrize("name", ["ref_m_german_20s", "ref_f_crop512_24s", "ref_m_synthetic_15s"])
def test_clips(media, finder: FaceFinder, name: str) -> None:
    pictures = [p for k, p in enumerate(open_video(media / f"{name}.mp4", max_seconds=1)) if k % 5 == 0]
    assert quarter_turns(finder, pictures) == 0
    assert quarter_turns(finder, [np.rot90(p, 2) for p in pictures]) == 2


def test_a_covered_mouth_is_not_upside_down(media, finder: FaceFinder) -> None:
    path = media / "hostile" / "v_mouth_covered.mp4"
    pictures = [p for k, p in enumerate(open_video(path, max_seconds=1)) if k % 5 == 0]
    assert quarter_turns(finder, pictures) == 0
