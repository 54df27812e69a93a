"""Orientation from display matrices."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from face3dmm.upright import Orientation, Upright, upright_size

PICTURE = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
ONE = 1 << 16
# (a, b, c, d) of x' = a x + c y, y' = b x + d y; y points down.
MATRICES = {
    "as it is": ((1, 0, 0, 1), PICTURE),
    "half turn": ((-1, 0, 0, -1), np.rot90(PICTURE, 2)),
    "quarter turn clockwise": ((0, 1, -1, 0), np.rot90(PICTURE, -1)),
    "quarter turn back": ((0, -1, 1, 0), np.rot90(PICTURE, 1)),
    "mirrored": ((-1, 0, 0, 1), np.fliplr(PICTURE)),
    "top to bottom": ((1, 0, 0, -1), np.flipud(PICTURE)),
    "transposed": ((0, 1, 1, 0), PICTURE.transpose(1, 0, 2)),
    "transposed the other way": ((0, -1, -1, 0), np.rot90(PICTURE, 2).transpose(1, 0, 2)),
}


class Side(bytes):
    type = SimpleNamespace(name="DISPLAYMATRIX")


def frame(matrix: tuple[int, int, int, int] | None, width: int = 3, height: int = 2) -> Any:
    sides = []
    if matrix is not None:
        a, b, c, d = (ONE * value for value in matrix)
        sides = [Side(np.array([a, b, 0, c, d, 0, 0, 0, 1 << 30], np.int32).tobytes())]
    return SimpleNamespace(side_data=sides, width=width, height=height)


@pytest.mark.parametrize("name", MATRICES)
def test_all_eight_orientations(name: str) -> None:
    matrix, wanted = MATRICES[name]
    np.testing.assert_array_equal(Orientation.of(frame(matrix)).apply(PICTURE), wanted)


def test_no_matrix_is_upright() -> None:
    assert Orientation.of(frame(None)) == Orientation()


@pytest.mark.parametrize(
    ("aspect", "turned", "wanted"),
    [
        (None, False, (720, 576)),
        (0.0, False, (720, 576)),
        (1e9, False, (720, 576)),
        (16 / 15, False, (768, 576)),
        (1.0, True, (576, 720)),
        (16 / 15, True, (576, 768)),
    ],
)
def test_square_pixels(aspect: float | None, turned: bool, wanted: tuple[int, int]) -> None:
    assert upright_size(frame(None, 720, 576), aspect, Orientation(transpose=turned)) == wanted


@pytest.mark.parametrize("size", [(61, 40), (61, 33), (40, 61), (160, 91), (160, 90), (31, 18)])
@pytest.mark.parametrize("orientation", [Orientation(), Orientation(True, False, True)])
def test_pictures_and_windows_are_what_libswscale_packs(
    size: tuple[int, int], orientation: Orientation
) -> None:
    av = pytest.importorskip("av")
    noise = np.random.default_rng(0).integers(0, 256, (90, 160, 3), dtype=np.uint8)
    stored = av.VideoFrame.from_ndarray(noise, format="rgb24").reformat(format="yuv420p")
    width, height = size[::-1] if orientation.transpose else size
    packed = stored.reformat(*size, format="rgb24", interpolation="BICUBIC").to_ndarray()
    wanted = orientation.apply(packed)
    upright = Upright(width, height, orientation)
    np.testing.assert_array_equal(upright(stored), wanted)
    window = slice(3, 15), slice(5, 17)
    part = upright(stored, window)
    np.testing.assert_array_equal(part, wanted[window])
    assert part.flags.c_contiguous
