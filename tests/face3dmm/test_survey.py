"""Who is followed and which square is kept."""

from pathlib import Path

import numpy as np
import pytest
from numbered_clips import numbered_clip, write_clip

from face3dmm import InputError, VideoInfo, open_video
from face3dmm.detector import FaceBox
from face3dmm.following import follow
from face3dmm.survey import (
    Person,
    _from_crop_to_crop,
    _same_person,
    _stays_in,
    choose_crop,
    survey,
    whole_square,
)

skimage_data = pytest.importorskip("skimage.data")


def info(width: int, height: int) -> VideoInfo:
    return VideoInfo(width, height, 10.0, 0.0, False)


def box(x: float, y: float, side: float) -> FaceBox:
    return FaceBox(x - side / 2, y - side / 2, x + side / 2, y + side / 2, 0.9)


def still(x: float, y: float, side: float, count: int = 20) -> Person:
    return Person(list(range(count)), [box(x, y, side)] * count)


@pytest.mark.parametrize("size", [512, 277, 1080])
def test_a_square_portrait_is_kept_whole(size: int) -> None:
    assert choose_crop(still(0.5 * size, 0.55 * size, 0.45 * size), info(size, size)) == (0, 0, size)


def test_a_landscape_selfie_is_cropped_to_its_height() -> None:
    x0, y0, side = choose_crop(still(552, 371, 323), info(1280, 720))
    assert (y0, side) == (0, 720)
    assert x0 == pytest.approx(552 - 360, abs=1)


def test_a_small_face_is_cropped_to_head_and_shoulders() -> None:
    x0, y0, side = choose_crop(still(1000, 400, 200), info(1920, 1080))
    assert side == pytest.approx(450, abs=1)  # 2.25 face boxes
    assert x0 == pytest.approx(1000 - 225, abs=1)
    assert y0 == pytest.approx(400 - 0.49 * 450, abs=1)
    assert choose_crop(still(256, 200, 60), info(512, 512))[2] < 200  # even from a square picture


def test_a_face_at_the_edge_stays_inside_the_picture() -> None:
    for x, y in ((20, 20), (1900, 1060)):
        x0, y0, side = choose_crop(still(x, y, 150), info(1920, 1080))
        assert x0 >= 0
        assert y0 >= 0
        assert x0 + side <= 1920
        assert y0 + side <= 1080


def test_the_crop_holds_a_moving_head() -> None:
    boxes = [box(600 + 5 * k, 500, 160) for k in range(60)]
    x0, y0, side = choose_crop(Person(list(range(60)), boxes), info(1920, 1080))
    assert x0 < boxes[2].x0
    assert boxes[-3].x1 < x0 + side
    assert y0 < boxes[0].y0


def test_people_are_told_apart_by_where_they_were() -> None:
    left, right = still(200, 200, 100, 1), still(600, 200, 100, 1)
    people = [left, right]
    assert _same_person(people, 5, box(210, 205, 100)) is left
    assert _same_person(people, 5, box(590, 195, 110)) is right
    assert _same_person(people, 5, box(400, 200, 100)) is None
    assert _same_person(people, 0, box(205, 200, 100)) is None  # nobody has two faces in one frame


def scene(side: int, x: int) -> np.ndarray:
    """An astronaut's head, `side` pixels wide, in a grey landscape."""
    portrait = skimage_data.astronaut()[20:276, 96:352]
    step = np.linspace(0, 255, side).astype(int)
    picture = np.full((360, 640, 3), 120, np.uint8)
    picture[180 - side // 2 : 180 + side - side // 2, x : x + side] = portrait[np.ix_(step, step)]
    return picture


def clip(path: Path, pictures: list[np.ndarray]) -> Path:
    return write_clip(path, pictures, [k / 25 for k in range(len(pictures))])


def test_the_larger_of_two_people_is_followed(tmp_path: Path) -> None:
    both = np.maximum(scene(340, 0), 0)
    both[:, 400:] = scene(230, 405)[:, 400:]
    found = survey(open_video(clip(tmp_path / "a.mp4", [both] * 12)))
    assert len(found.others) == 1
    assert found.person.side() > found.others[0].side()
    assert found.person.centres()[:, 0].max() < 340
    assert found.changes.shape == (12,)
    assert found.changes[1:].max() < 1
    assert 40 < found.brightness < 220


def test_a_tiny_face_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="too small: .* pixels, at least 64"):
        survey(open_video(clip(tmp_path / "a.mp4", [scene(120, 260)] * 6)))


def test_no_face_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no face was found"):
        survey(open_video(numbered_clip(tmp_path / "a.mp4", [k / 25 for k in range(12)])))


@pytest.mark.parametrize(("turns", "state"), [(1, "on its side"), (2, "upside down"), (3, "on its side")])
def test_a_turned_picture_is_refused(tmp_path: Path, turns: int, state: str) -> None:
    turned = np.rot90(skimage_data.astronaut(), turns)
    with pytest.raises(InputError, match=state):
        survey(open_video(clip(tmp_path / "a.mp4", [turned] * 12)))


def test_landmarks_of_a_square_portrait_are_found_in_the_same_pass(tmp_path: Path) -> None:
    portrait = skimage_data.astronaut()[:320, 64:384]
    pictures = [np.roll(portrait, 2 * step, axis=1) for step in range(8)]
    reader = open_video(clip(tmp_path / "a.mp4", pictures))
    at_once, later = survey(reader, landmarks=True), survey(reader)
    assert at_once.crop == later.crop == (0, 0, 320)
    assert later.faces is None
    assert at_once.faces is not None
    assert len(at_once.faces) == 8
    np.testing.assert_array_equal(follow(reader, at_once), follow(reader, later))


def test_landmarks_of_a_wide_picture_are_found_in_the_same_pass_where_the_face_stays(tmp_path: Path) -> None:
    pictures = [scene(300, 200 + 2 * step) for step in range(8)]
    reader = open_video(clip(tmp_path / "a.mp4", pictures))
    at_once, later = survey(reader, landmarks=True), survey(reader)
    assert at_once.crop == later.crop
    assert at_once.faces is not None
    np.testing.assert_allclose(follow(reader, at_once), follow(reader, later), atol=4)


def test_a_face_that_leaves_the_expected_square_is_followed_in_a_second_pass(tmp_path: Path) -> None:
    pictures = [scene(200, 20 + 7 * step) for step in range(55)]
    assert survey(open_video(clip(tmp_path / "a.mp4", pictures)), landmarks=True).faces is None


def test_the_look_at_the_first_frame_says_nothing_about_the_clip(tmp_path: Path) -> None:
    times = [0.0, 0.04, *(0.2 + k / 25 for k in range(60))]  # one gap, at the start: no habit
    reader = open_video(write_clip(tmp_path / "a.mp4", [scene(200, 200)] * len(times), times))
    survey(reader, landmarks=True)
    assert not reader.warnings


def test_points_of_one_square_are_where_they_were_in_another() -> None:
    source, target = (100, 50, 256), (80, 20, 512)
    points = np.array([[10.0, 20, 6], [400, 512, -4]], np.float32)
    pixels = points[:, :2] * 256 / 512 + (100, 50)
    wanted = (pixels - (80, 20)) * 512 / 512
    got = _from_crop_to_crop(points, source, target)
    np.testing.assert_allclose(got[:, :2], wanted)
    np.testing.assert_allclose(got[:, 2], points[:, 2] / 2)


def test_only_one_large_face_inside_the_expected_square_is_looked_at_at_once() -> None:
    assert whole_square(info(1280, 720)) is None
    assert whole_square(info(520, 500)) == (10, 0, 500)
    whole, picture = (0, 0, 500), info(500, 500)
    assert _stays_in([], whole, picture)
    assert _stays_in([still(250, 250, 200)], whole, picture)
    assert _stays_in(
        [still(250, 250, 200), still(20, 20, 30, count=1)], whole, picture
    )  # seen once: a mistake
    assert not _stays_in([still(250, 250, 200), still(20, 20, 80)], whole, picture)
    assert not _stays_in([still(250, 250, 100)], whole, picture)
    assert _stays_in([still(40, 250, 200)], whole, picture)  # cut off by the picture's edge
    assert not _stays_in([still(150, 250, 200)], (100, 0, 400), info(1280, 720))
