"""Irises are moved within the lids, to where the conventions' projection puts them, and nothing else is touched."""

import math

import numpy as np
import pytest
import torch

from face3dmm import FaceModel
from face3dmm.arkit import ARKIT_NAMES
from mimictalk.turned_eyes import TurnedEyes, TurnedEyesRenderer, with_turned_eyes
from talk_motion import MotionSequence

SIZE, FOCAL = 512, 4.2647  # docs/conventions.md
WHITE, DARK, SKIN = 220, 20, 130


def motion(pitch: float, yaw: float, closed: bool = False) -> MotionSequence:
    """A head in the middle, wide eyes that look (degrees)."""
    expression = torch.zeros(1, 64)
    for side in ("Left", "Right"):
        expression[0, ARKIT_NAMES.index(f"eye{'Blink' if closed else 'Wide'}{side}")] = 1.0
    gaze = torch.deg2rad(torch.tensor([[pitch, yaw]]))
    return MotionSequence(expression, torch.zeros(1, 3), torch.zeros(1, 3), gaze, torch.zeros(1))


def place(ball: torch.Tensor, pitch: float, yaw: float) -> tuple[float, float]:
    """Pixels of an iris, by hand."""
    p, w = math.radians(pitch), math.radians(yaw)
    x = ball[0] + ball[3] * math.cos(p) * math.sin(w)
    y = ball[1] - ball[3] * math.sin(p)
    z = ball[2] + ball[3] * math.cos(p) * math.cos(w)
    return float(SIZE * (0.5 + FOCAL * x / (10 - z))), float(SIZE * (0.5 - FOCAL * y / (10 - z)))


@pytest.fixture(scope="module")
def balls() -> torch.Tensor:
    return FaceModel.open_face().eyeballs


@pytest.fixture
def picture(balls) -> np.ndarray:
    """Skin, and around each eye a white field with a dark disc of 5 pixels that looks straight ahead."""
    y, x = np.mgrid[:SIZE, :SIZE] + 0.5
    frame = np.full((SIZE, SIZE, 3), SKIN, np.uint8)
    for ball in balls:
        u, v = place(ball, 0, 0)
        frame[(abs(x - u) < 60) & (abs(y - v) < 40)] = WHITE
        frame[np.hypot(x - u, y - v) < 5] = DARK
    return frame


@pytest.fixture
def eyes() -> TurnedEyes:
    return TurnedEyes(torch.zeros(80), torch.zeros(2))


def centre(frame: np.ndarray, near: tuple[float, float]) -> np.ndarray:
    """Where the dark is, around a place."""
    y, x = np.mgrid[:SIZE, :SIZE] + 0.5
    weight = (WHITE - frame[..., 0].astype(float)).clip(0) * (np.hypot(x - near[0], y - near[1]) < 12)
    return np.array([(weight * x).sum(), (weight * y).sum()]) / weight.sum()


def test_eyes_that_look_there_already_are_left_alone(eyes, picture):
    assert np.array_equal(eyes.turn(picture, motion(0, 0)), picture)


@pytest.mark.parametrize(("pitch", "yaw"), [(0, 15), (0, -15), (6, 0), (-6, 8)])
def test_the_iris_goes_where_the_eye_looks(eyes, picture, balls, pitch, yaw):
    turned = eyes.turn(picture, motion(pitch, yaw))
    for ball in balls:
        before, wanted = np.array(place(ball, 0, 0)), np.array(place(ball, pitch, yaw))
        assert np.linalg.norm(wanted - before) > 2
        assert np.linalg.norm(centre(turned, tuple(wanted)) - wanted) < 0.8
        assert (wanted[0] > before[0]) == (yaw > 0) or yaw == 0  # the subject's left is to the right


def test_nothing_but_the_eyes_is_touched(eyes, picture):
    model = FaceModel.open_face()
    turned = eyes.turn(picture, motion(0, 15))
    vertices = model.vertices(torch.zeros(80), motion(0, 15).expression)[0]
    loops = vertices[torch.cat([model.left_eye, model.right_eye])].numpy()
    v = SIZE * (0.5 - FOCAL * loops[:, 1] / (10 - loops[:, 2]))
    changed = np.flatnonzero((turned != picture).any(axis=(1, 2))) + 0.5
    assert v.min() <= changed.min() and changed.max() <= v.max()
    alpha = np.dstack([picture, np.full((SIZE, SIZE), 77, np.uint8)])
    assert (eyes.turn(alpha, motion(0, 15))[..., 3] == 77).all()


def test_closed_eyes_hardly_change(eyes, picture):
    opened = (eyes.turn(picture, motion(0, 15)) != picture).any(-1).sum()
    assert (eyes.turn(picture, motion(0, 15, closed=True)) != picture).any(-1).sum() < 0.2 * opened


def test_a_renderer_looks_from_where_its_clip_looked(picture):
    class Still:
        def frames(self, moved):
            asked.append(moved.gaze)
            yield from [picture] * moved.frames

    shown = torch.deg2rad(torch.tensor([[0.0, 15.0], [0.0, 15.0], [9.0, -40.0]]))  # one outlier
    asked = []
    looking = with_turned_eyes(Still(), torch.zeros(80), shown)
    assert isinstance(looking, TurnedEyesRenderer)
    assert np.array_equal(next(looking.frames(motion(0, 15))), picture)
    assert not np.array_equal(next(looking.frames(motion(0, 0))), picture)
    torch.testing.assert_close(torch.cat(asked), torch.deg2rad(torch.tensor([[0.0, 15.0]])).expand(2, 2))
