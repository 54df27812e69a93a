"""Pictures of users are decoded in a confined process: the same pictures, the same errors, nothing believed."""

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from face3dmm import read_picture
from mimictalk import decoded_pictures
from mimictalk.decoded_pictures import read_background, read_marked_pictures, read_portrait
from mimictalk.errors import InputError, RunError
from mimictalk.media_probe import Limits


def noise(side: int, channels: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (side, side, channels), np.uint8)


def test_a_portrait_is_the_one_that_the_library_reads(here):
    Image.fromarray(noise(48, 4), "RGBA").save(here / "a.png")
    wanted, got = read_picture(here / "a.png"), read_portrait(here / "a.png")
    assert np.array_equal(got.pixels, wanted.pixels)
    assert got.warnings == wanted.warnings != ()


def test_errors_are_those_of_the_library(here):
    (here / "a.png").write_bytes(b"%PDF-1.7 and more of it")
    with pytest.raises(ValueError) as wanted:
        read_picture(here / "a.png")
    with pytest.raises(InputError) as caught:
        read_portrait(here / "a.png")
    assert str(caught.value) == str(wanted.value)
    with pytest.raises(ValueError, match="there is no such file"):
        read_portrait(here / "gone.png")


def test_marks_of_many_pictures_come_in_order(here, monkeypatch):
    monkeypatch.setattr(decoded_pictures, "AT_ONCE", 2)
    paths = []
    for grey in (10, 20, 30):
        about = PngInfo()
        about.add_text("number", str(grey))
        paths.append(here / f"{grey}.png")
        Image.new("L", (1300 + grey, 8), grey).save(paths[-1], pnginfo=about)
    found = list(read_marked_pictures(paths))
    assert [one.texts["number"] for one in found] == ["10", "20", "30"]
    assert [(one.format, one.grey.dtype, one.grey.shape[1]) for one in found] == [
        ("PNG", np.float32, 1280)
    ] * 3
    assert [one.grey.min() for one in found] == [one.grey.max() for one in found] == [10, 20, 30]


def test_only_formats_that_are_listed_are_decoded(here):
    Image.new("RGB", (8, 8)).save(here / "a.tiff")
    with pytest.raises(InputError, match="the picture is damaged"):
        list(read_marked_pictures([here / "a.tiff"]))


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not keep to address space")
def test_a_picture_that_takes_too_much_memory(here, monkeypatch):
    Image.new("1", (9000, 9000)).save(here / "huge.png")
    monkeypatch.setattr(decoded_pictures, "LIMITS", Limits(memory=150_000_000))
    with pytest.raises(InputError, match=r"huge\.png: decoding it takes more than 0\.1 GB of memory"):
        list(read_marked_pictures([here / "huge.png"]))


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"no json\n",
        b"[]\n",
        b'{"shape": [4, 4, 3]}\n' + bytes(47),
        b'{"shape": [4, 4, 1]}\n' + bytes(16),
        b'{"shape": [-4, -4, 3]}\n' + bytes(48),
        b'{"shape": [100000, 100000, 3]}\n',
        b'{"shape": "big"}\n',
    ],
)
def test_a_process_that_was_taken_over_is_not_believed(here, monkeypatch, said):
    answer = subprocess.CompletedProcess[bytes]([], 0, said, b"")
    monkeypatch.setattr(decoded_pictures, "run_confined", lambda *_: answer)
    with pytest.raises(RunError, match="the process that was to look at it failed"):
        read_background(here / "a.png")


def test_its_words_are_shortened_and_cannot_move_the_cursor(here, monkeypatch):
    said = b'{"cause": "\\u001b[2J' + b"x" * 999 + b'", "cure": ""}\n'
    monkeypatch.setattr(
        decoded_pictures, "run_confined", lambda *_: subprocess.CompletedProcess[bytes]([], 0, said, b"")
    )
    with pytest.raises(InputError) as caught:
        read_background(here / "a.png")
    assert len(caught.value.cause) < 310
    assert caught.value.cause.isprintable()


@pytest.mark.parametrize("how", ["SIGSEGV", "SIGXCPU"])
def test_a_decoder_that_crashes_or_computes_for_ever(here, monkeypatch, how):
    (here / "mimictalk_picture_bomb.py").write_text(f"import os, signal; os.kill(os.getpid(), signal.{how})")
    monkeypatch.setenv("PYTHONPATH", str(here))
    real = decoded_pictures.run_confined
    monkeypatch.setattr(
        decoded_pictures,
        "run_confined",
        lambda path, module, *rest: real(path, "mimictalk_picture_bomb", *rest),
    )
    words = {"SIGSEGV": "makes the decoder crash", "SIGXCPU": "more than 60 s of computing"}
    with pytest.raises(InputError, match=words[how]):
        read_background(here / "a.png")
