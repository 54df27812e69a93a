"""Named landmark sets and openings."""

import pytest
import torch

from face3dmm import FaceModel
from face3dmm.landmarks import (
    FACE_OVAL,
    FACE_WIDTH,
    INNER_LIP_PAIRS,
    JAW_LINE,
    LEFT_EYE_CORNERS,
    LEFT_LID_PAIRS,
    LIPS,
    RIGHT_EYE_CORNERS,
    RIGHT_LID_PAIRS,
    RIGID,
    eye_opening,
    face_width,
    mouth_opening,
)

MODEL = FaceModel.open_face()
MEAN = MODEL.mean[MODEL.landmarks_468]


def test_sets_lie_where_their_names_say() -> None:
    x, y, _ = MEAN.unbind(1)
    assert (x[list(RIGHT_EYE_CORNERS)] < 0).all()  # the subject's right is at negative x
    assert (x[list(LEFT_EYE_CORNERS)] > 0).all()
    for pairs in (INNER_LIP_PAIRS, RIGHT_LID_PAIRS, LEFT_LID_PAIRS):
        assert all(y[upper] >= y[lower] - 1e-4 for upper, lower in pairs)
    assert y[list(LIPS)].max() < y[list(RIGHT_EYE_CORNERS)].min()
    assert len(LIPS) == len(set(LIPS)) == 80
    assert JAW_LINE[len(JAW_LINE) // 2] == 152  # the chin
    assert y[list(JAW_LINE)].argmin() == len(JAW_LINE) // 2
    assert set(FACE_OVAL) == set(MODEL.face_oval.tolist())
    assert len(set(RIGID)) == len(RIGID)
    assert face_width(MEAN) == pytest.approx(float(x[FACE_WIDTH[1]] - x[FACE_WIDTH[0]]), rel=0.01)


def test_mouth_opening_by_hand() -> None:
    points = torch.zeros(2, 478, 2)
    points[:, 33, 0], points[:, 263, 0] = -50, 50
    for upper, lower in INNER_LIP_PAIRS:
        points[1, upper, 1], points[1, lower, 1] = -4, 6
    torch.testing.assert_close(mouth_opening(points), torch.tensor([0.0, 0.1]))


def test_eye_opening_by_hand() -> None:
    points = torch.zeros(478, 3)
    points[33, 0], points[133, 0], points[362, 0], points[263, 0] = -30, -10, 10, 50
    for upper, lower in RIGHT_LID_PAIRS:
        points[upper, 1], points[lower, 1] = -2, 3
    for upper, _ in LEFT_LID_PAIRS:
        points[upper, 1] = -4
    torch.testing.assert_close(eye_opening(points), torch.tensor([0.25, 0.1]))


def test_openings_do_not_depend_on_size_and_place() -> None:
    moved = 3 * MEAN + torch.tensor([1.0, 2.0, 3.0])
    torch.testing.assert_close(mouth_opening(moved), mouth_opening(MEAN), rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(eye_opening(moved), eye_opening(MEAN), rtol=1e-4, atol=1e-6)
