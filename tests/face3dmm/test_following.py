"""The chosen person, not their neighbour, and no jump to somewhere else."""

import numpy as np

from face3dmm.detector import FaceBox
from face3dmm.following import _expected, _nearest, _within
from face3dmm.survey import Person


def face_at(x: float, y: float) -> np.ndarray:
    return np.tile(np.array([x, y, 0.0], np.float32), (478, 1))


def box(x: float, y: float) -> FaceBox:
    return FaceBox(x - 50, y - 50, x + 50, y + 50, 0.9)


def test_the_nearest_face_within_reach() -> None:
    near, far = face_at(100, 100), face_at(300, 100)
    expected = np.array([120.0, 100.0])
    assert _nearest([far, near], expected, 80.0) is near
    assert np.isnan(_nearest([far], expected, 80.0)).all()
    assert np.isnan(_nearest([], expected, 80.0)).all()


def test_expected_place_is_interpolated_in_the_crop() -> None:
    person = Person([0, 10], [box(300, 200), box(400, 200)])
    centres = _expected(person, 12, (100, 100), 0.5)
    np.testing.assert_allclose(centres[[0, 5, 10, 11]], [[100, 50], [125, 50], [150, 50], [150, 50]])


def test_neighbours_inside_the_crop() -> None:
    person = Person([0, 5], [box(300, 200), box(310, 200)])
    assert _within(person, (200, 100, 300))
    assert not _within(person, (400, 100, 300))
