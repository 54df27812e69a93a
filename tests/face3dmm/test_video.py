"""Frames by time stamps, upright, square, cropped."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from face3dmm import open_video
from numbered_clips import HEIGHT, WIDTH, number_in, numbered_clip, numbered_picture, write_clip


def numbers(path: Path, **settings: float) -> list[int]:
    return [number_in(picture) for picture in open_video(path, **settings)]


def test_twenty_five_fps_is_given_as_it_is(tmp_path: Path) -> None:
    path = numbered_clip(tmp_path / "a.mp4", [k / 25 for k in range(60)])
    assert numbers(path) == list(range(60))
    info = open_video(path).info
    assert (info.width, info.height, info.has_audio, info.start) == (WIDTH, HEIGHT, False, 0.0)
    assert info.duration == pytest.approx(2.4)


def test_thirty_fps(tmp_path: Path) -> None:
    path = numbered_clip(tmp_path / "a.mp4", [k / 30 for k in range(13)], rate=30)
    assert numbers(path) == [0, 1, 2, 4, 5, 6, 7, 8, 10, 11, 12]


@pytest.mark.parametrize("doubled", [1, 3, 5])
def test_doubled_frames_of_a_thirty_fps_container_vanish(tmp_path: Path, doubled: int) -> None:
    pictures, number = [], -1
    for k in range(180):
        number += k == 0 or k % 6 != doubled
        pictures.append(numbered_picture(number))
    path = write_clip(tmp_path / "a.mp4", pictures, [k / 30 for k in range(180)], rate=30)
    assert numbers(path)[:149] == list(range(149))


def test_variable_frame_rate_holds_frames(tmp_path: Path) -> None:
    path = numbered_clip(tmp_path / "a.mp4", [0.0, 0.04, 0.2, 0.24, 0.28, 0.5, 0.54])
    assert numbers(path)[:14] == [0, 1, 1, 1, 1, 2, 3, 4, 4, 4, 4, 4, 4, 5]
    reader = open_video(path)
    assert len(list(reader)) == 15
    assert any("frame rate varies" in text for text in reader.warnings)


def test_a_held_frame_is_the_same_array(tmp_path: Path) -> None:
    frames = list(open_video(numbered_clip(tmp_path / "a.mp4", [0.0, 0.04, 0.2])))
    assert frames[1] is frames[4]
    assert frames[0] is not frames[1]


def test_late_picture_is_measured_against_the_sound(tmp_path: Path) -> None:
    path = numbered_clip(tmp_path / "a.mp4", [0.08 + k / 25 for k in range(50)], sound_seconds=2.0)
    reader = open_video(path)
    assert reader.info.has_audio
    assert reader.info.start == pytest.approx(0.08, abs=0.001)
    assert [number_in(picture) for picture in reader] == list(range(50))
    assert any("0.08 s after the sound" in text for text in reader.warnings)


@pytest.mark.parametrize("rotation", [90, 180, -90])
def test_rotation_by_metadata(tmp_path: Path, rotation: int) -> None:
    upright = [numbered_picture(number) for number in range(30)]
    stored = [np.rot90(picture, -rotation // 90) for picture in upright]  # a player turns it back
    path = write_clip(tmp_path / "a.mp4", stored, [k / 25 for k in range(30)], rotation=rotation)
    reader = open_video(path)
    assert (reader.info.width, reader.info.height) == (WIDTH, HEIGHT)
    assert [number_in(picture) for picture in reader] == list(range(30))
    assert any("turned" in text for text in reader.warnings)


def test_pixels_that_are_not_square(tmp_path: Path) -> None:
    path = numbered_clip(tmp_path / "a.mp4", [k / 25 for k in range(30)], aspect=Fraction(3, 2))
    reader = open_video(path)
    frames = list(reader)
    assert frames[0].shape == (HEIGHT, WIDTH * 3 // 2, 3)
    assert [number_in(picture) for picture in frames] == list(range(30))
    assert any("not square" in text for text in reader.warnings)


def test_max_seconds_and_reading_again(tmp_path: Path) -> None:
    reader = open_video(numbered_clip(tmp_path / "a.mp4", [k / 25 for k in range(60)]), max_seconds=1.0)
    assert reader.expected_frames == 25
    for _ in range(2):
        assert [number_in(picture) for picture in reader] == list(range(25))
    assert reader.warnings == []


def test_an_unfinished_pass_leaves_the_reader_usable(tmp_path: Path) -> None:
    reader = open_video(numbered_clip(tmp_path / "a.mp4", [k / 25 for k in range(60)]))
    assert number_in(next(iter(reader))) == 0
    assert len(list(reader)) == 60


def ramp(width: int, height: int) -> np.ndarray:
    """Red grows by x, green by y: a pixel's colour tells where it was."""
    y, x = np.mgrid[:height, :width]
    return np.stack([x * 255 / width, y * 255 / height, np.full_like(x, 128)], -1).astype(np.uint8)


@pytest.mark.parametrize(
    ("size", "crop", "out"),
    [((256, 128), (64, 0, 128), 128), ((256, 128), (64, 0, 128), 64), ((256, 128), (10, 20, 50), 200),
     ((256, 128), (128, 0, 128), 90), ((128, 256), (0, 100, 128), 512)],
)  # fmt: skip
def test_crops_show_their_window(
    tmp_path: Path, size: tuple[int, int], crop: tuple[int, int, int], out: int
) -> None:
    path = write_clip(tmp_path / "a.mp4", [ramp(*size)] * 3, [0, 0.04, 0.08])
    picture = next(open_video(path).crops(crop, out))
    assert picture.shape == (out, out, 3)
    x0, y0, side = crop
    for place in (0.25, 0.5, 0.75):
        pixel = picture[int(place * out), int(place * out)].astype(float)
        assert pixel[0] == pytest.approx((x0 + place * side) * 255 / size[0], abs=5)
        assert pixel[1] == pytest.approx((y0 + place * side) * 255 / size[1], abs=5)


def test_the_whole_picture_as_crop_is_the_picture(tmp_path: Path) -> None:
    reader = open_video(write_clip(tmp_path / "a.mp4", [ramp(128, 128)] * 2, [0, 0.04]))
    np.testing.assert_array_equal(next(reader.crops((0, 0, 128), 128)), next(iter(reader)))


@pytest.mark.parametrize("crop", [(-1, 0, 50), (0, 0, 129), (200, 0, 100), (0, 0, 0)])
def test_crops_outside_are_refused(tmp_path: Path, crop: tuple[int, int, int]) -> None:
    reader = open_video(write_clip(tmp_path / "a.mp4", [ramp(256, 128)] * 2, [0, 0.04]))
    with pytest.raises(ValueError, match="does not lie"):
        next(reader.crops(crop))


def test_longest_side(tmp_path: Path) -> None:
    reader = open_video(write_clip(tmp_path / "a.mp4", [ramp(256, 128)] * 2, [0, 0.04]))
    assert next(reader.frames(longest=64)).shape == (32, 64, 3)
    assert next(reader.frames(longest=1000)).shape == (128, 256, 3)


@pytest.mark.parametrize("settings", [{"fps": 0.0}, {"max_seconds": 0.0}, {"max_seconds": -1.0}])
def test_senseless_settings(tmp_path: Path, settings: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="positive"):
        open_video(tmp_path / "a.mp4", **settings)


def test_the_clip_as_found_shows_the_frames_of_the_cleaned_one(media: Path) -> None:
    """30 fps, every sixth frame doubled, the picture 80 ms late: against the same clip cleaned by hand."""
    seconds = 8.0
    found = open_video(media / "ref_m_french_50s_asfound.mp4", max_seconds=seconds)
    clean = open_video(media / "ref_m_french_50s.mp4", max_seconds=seconds + 0.2)
    assert found.info.start == pytest.approx(0.08, abs=0.001)
    got = np.stack([picture[::8, ::8, 1] for picture in found]).astype(float)
    wanted = np.stack([picture[::8, ::8, 1] for picture in clean]).astype(float)
    away = np.abs(got[:, None] - wanted[None, : len(got) + 3]).mean((2, 3))
    assert len(got) == 200
    np.testing.assert_array_equal(away.argmin(1), np.arange(200))


@pytest.mark.parametrize("rotation", [0, 90, 180])
def test_glances_show_the_frames_thinned_and_on_demand_whole(tmp_path: Path, rotation: int) -> None:
    pictures = [numbered_picture(k) for k in (0, 300, 700)]
    path = write_clip(tmp_path / "a.mp4", pictures, [0.0, 0.08, 0.12], rotation=rotation)
    reader = open_video(path)
    glances, frames = list(reader.glances(longest=80, thinning=2)), list(reader.frames(longest=80))
    assert len(glances) == len(frames)
    for (thin, whole, crop), frame in zip(glances, frames, strict=True):
        assert crop is None
        np.testing.assert_array_equal(whole(), frame)
        assert thin.shape == (frame.shape[0] // 2, frame.shape[1] // 2, 3)
        assert np.abs(thin.astype(int) - frame[::2, ::2]).mean() < 12  # edges fall elsewhere
    assert glances[0] is glances[1]  # held
    crop = 2, 1, 60
    for glance, wanted in zip(reader.glances(80, 2, crop), reader.crops(crop), strict=True):
        np.testing.assert_array_equal(glance.crop, wanted)
