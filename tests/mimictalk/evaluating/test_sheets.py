"""Contact sheets."""

import numpy as np
import pytest
from PIL import Image

from mimictalk.evaluating import sheets


def flat(value: float, frames: int = 1, size: int = 16) -> np.ndarray:
    return np.full((frames, size, size, 3), value, np.uint8)


def test_difference_is_amplified_and_clipped():
    assert sheets.difference(flat(10), flat(13)).max() == 12
    assert sheets.difference(flat(0), flat(255)).min() == 255


@pytest.mark.parametrize(
    ("length", "columns", "chosen"), [(9, 3, [0, 4, 8]), (2, 8, [0, 1]), (1, 8, [0]), (0, 8, [])]
)
def test_frames_are_evenly_spread(length, columns, chosen):
    assert sheets.evenly_spread(length, columns) == chosen


def test_a_tile_per_frame_and_row_and_only_the_box_is_shown(tmp_path):
    output = flat(99, 20, 64)
    output[:, 16:48, 16:48] = 200
    rows = {"true": flat(9, 20, 64), "output": output}
    sheets.contact_sheet(tmp_path / "a.png", rows, [(16, 16, 48, 48)] * 20, columns=3)
    with Image.open(tmp_path / "a.png") as sheet:
        assert sheet.size == (3 * 256, 2 * 256)
        pixels = np.asarray(sheet)
    assert (pixels[300:480, 40:220] == 200).all()  # the filter reaches a few pixels over the rim
    assert (pixels[100:200] == 9).all()
