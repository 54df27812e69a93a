"""Backgrounds: kept, a colour, a picture; everything else is refused in words."""

import numpy as np
import pytest
from PIL import Image

from mimictalk.background import load_background
from mimictalk.errors import InputError


def test_keep_is_none():
    assert load_background("keep") is None


def test_a_colour():
    picture = load_background("#0a80FF")
    assert picture.shape == (512, 512, 3)
    assert picture.dtype == np.uint8
    assert np.array_equal(np.unique(picture.reshape(-1, 3), axis=0), [[10, 128, 255]])


def test_a_picture_is_cropped_to_its_middle(here):
    wide = np.zeros((100, 300, 3), np.uint8)
    wide[:, 100:200] = (200, 10, 10)
    Image.fromarray(wide).save(here / "wide.png")
    picture = load_background(str(here / "wide.png"))
    assert picture.shape == (512, 512, 3)
    assert np.abs(picture[:, 20:-20].astype(int) - [200, 10, 10]).max() <= 2


def test_a_turned_photo_is_set_upright(here):
    photo = np.zeros((100, 100, 3), np.uint8)
    photo[:50] = 255
    exif = Image.Exif()
    exif[0x0112] = 3  # orientation: upside down
    Image.fromarray(photo).save(here / "a.png", exif=exif)
    picture = load_background(str(here / "a.png"))
    assert picture[:200].mean() < 5
    assert picture[-200:].mean() > 250


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("#12345", "--background: '#12345' is not a colour\nWrite it as #rrggbb, for example #00ff00."),
        ("#gg0000", "--background: '#gg0000' is not a colour"),
        ("gone.png", "gone.png: there is no such picture"),
        (".", ".: there is no such picture"),
    ],
)
def test_refused(here, text, words):
    with pytest.raises(InputError) as caught:
        load_background(text)
    assert str(caught.value).startswith(words)


def test_damaged_and_foreign_files(here):
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)).save(here / "a.png")
    (here / "cut.png").write_bytes((here / "a.png").read_bytes()[:3000])
    (here / "text.png").write_text("hello")
    Image.new("RGB", (4, 4)).save(here / "a.gif")
    with pytest.raises(InputError, match="the picture is damaged"):
        load_background("cut.png")
    for name in ("text.png", "a.gif"):
        with pytest.raises(InputError, match="it is no PNG, JPEG or WebP picture"):
            load_background(name)


def test_a_picture_that_would_fill_the_memory(here):
    Image.new("1", (9000, 9000)).save(here / "huge.png")
    with pytest.raises(InputError) as caught:
        load_background("huge.png")
    assert str(caught.value) == (
        "huge.png: 9000 x 9000 pixels are too many\nScale it down; 512 x 512 is enough."
    )
