"""Picture files of every kind become upright RGB."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from face3dmm import InputError
from face3dmm.pictures import MAX_PIXELS, Picture, read_picture

RED, GREEN = (250, 10, 20), (10, 200, 30)


def halves() -> np.ndarray:
    """Red above green, 40 wide and 60 high."""
    pixels = np.empty((60, 40, 3), np.uint8)
    pixels[:30], pixels[30:] = RED, GREEN
    return pixels


@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
def test_exif_orientation(tmp_path: Path, suffix: str, turn: int) -> None:
    # Values of the EXIF tag 274: where the stored first row and column are in the upright picture.
    stored = {
        1: lambda a: a, 2: np.fliplr, 3: lambda a: np.rot90(a, 2), 4: np.flipud,
        5: lambda a: a.transpose(1, 0, 2), 6: lambda a: np.rot90(a, 1),
        7: lambda a: np.rot90(a, 2).transpose(1, 0, 2), 8: lambda a: np.rot90(a, -1),
    }[turn](halves())  # fmt: skip
    exif = Image.Exif()
    exif[274] = turn
    path = tmp_path / f"a{suffix}"
    Image.fromarray(np.ascontiguousarray(stored)).save(path, exif=exif, quality=95)
    pixels = read_picture(path).pixels.astype(int)
    assert pixels.shape == (60, 40, 3)
    assert np.abs(pixels[5:25] - RED).max() < 12
    assert np.abs(pixels[35:55] - GREEN).max() < 12


def test_sixteen_bits_of_grey_become_eight(tmp_path: Path) -> None:
    values = np.array([[0, 257, 128 * 257, 65535]], np.uint16)
    Image.fromarray(values).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_picture(tmp_path / "a.png").pixels[0, :, 0], [0, 1, 128, 255])


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK"])
def test_modes_become_rgb(tmp_path: Path, mode: str) -> None:
    path = tmp_path / ("a.jpg" if mode == "CMYK" else "a.png")
    Image.fromarray(halves()).convert(mode).save(path)
    picture = read_picture(path)
    wanted = np.asarray(Image.fromarray(halves()).convert(mode).convert("RGB")).astype(int)
    assert picture.warnings == ()
    assert np.abs(picture.pixels - wanted)[5:25].max() < 12


def test_transparent_parts_are_white(tmp_path: Path) -> None:
    layered = np.dstack([halves(), np.full((60, 40), 255, np.uint8)])
    layered[:30, :, 3] = 0
    Image.fromarray(layered).save(tmp_path / "a.png")
    picture = read_picture(tmp_path / "a.png")
    assert (picture.pixels[:30] == 255).all()
    assert (picture.pixels[30:] == GREEN).all()
    assert picture.warnings == ("parts of the picture are transparent: they are shown on white",)


def test_the_content_counts_not_the_name(tmp_path: Path) -> None:
    Image.fromarray(halves()).save(tmp_path / "a.jpg", format="PNG")
    np.testing.assert_array_equal(read_picture(tmp_path / "a.jpg").pixels, halves())


def test_too_many_pixels(tmp_path: Path) -> None:
    side = int(MAX_PIXELS**0.5) + 1
    Image.new("1", (side, side)).save(tmp_path / "a.png")
    with pytest.raises(InputError, match="more than 89 million pixels"):
        read_picture(tmp_path / "a.png")


def test_a_window_is_scaled_and_repeats_the_edge() -> None:
    picture = Picture(halves())
    np.testing.assert_array_equal(picture.crop((0, 0, 40), 40), halves()[:40])
    np.testing.assert_array_equal(picture.crop((-20, -20, 80), 80)[:20], np.full((20, 80, 3), RED, np.uint8))
    np.testing.assert_array_equal(picture.crop((0, 40, 40), 40)[20:], np.full((20, 40, 3), GREEN, np.uint8))
    assert picture.crop((5, 5, 20), 64).shape == (64, 64, 3)
    for window in ((0, 0, 0), (40, 0, 10), (0, -10, 10)):
        with pytest.raises(ValueError, match="does not lie"):
            picture.crop(window)
