"""Who is followed and which square is kept."""

from pathlib import Path

import numpy as np
import pytest
from numbered_clips import numbered_clip, write_clip

from face3dmm import InputError, VideoInfo, open_video
from face3dmm.detector import FaceBox
from face3dmm.following import follow
from face3dmm.survey import Person, _kept_whole, _same_person, choose_crop, survey, whole_square

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


def test_only_one_large_face_in_a_square_picture_is_looked_at_at_once() -> None:
    assert whole_square(info(1280, 720)) is None
    assert whole_square(info(520, 500)) == (10, 0, 500)
    square = info(500, 500)
    assert _kept_whole([], square)
    assert _kept_whole([still(250, 250, 200)], square)
    assert _kept_whole([still(250, 250, 200), still(20, 20, 30, count=1)], square)  # seen once: a mistake
    assert not _kept_whole([still(250, 250, 200), still(20, 20, 80)], square)
    assert not _kept_whole([still(250, 250, 100)], square)
