"""Distances of motion and mouth curves: every expected number here is worked by hand."""

import math

import numpy as np
import pytest
import torch

from face3dmm import metrics


def test_aed_of_equal_expressions_is_zero_and_a_shift_is_its_size():
    expression = torch.rand(5, 64, generator=torch.Generator().manual_seed(0))
    assert metrics.average_expression_distance(expression, expression) == 0
    assert metrics.average_expression_distance(expression, expression - 0.25) == pytest.approx(0.25)


def test_aed_of_one_shape_in_64():
    moved = np.zeros((3, 64))
    moved[:, 17] = 0.64
    assert metrics.average_expression_distance(np.zeros((3, 64)), moved) == pytest.approx(0.01)


def test_apd_goes_the_shorter_way_round():
    true = np.array([[0.1, 0.0, np.pi - 0.05]])
    output = np.array([[0.0, 0.2, -np.pi + 0.05]])
    assert metrics.average_pose_distance(true, output) == pytest.approx((0.1 + 0.2 + 0.1) / 3)


def test_akd_is_scaled_and_skips_lost_faces():
    true = np.zeros((2, 3, 2))
    output = true + np.array([3, 4])
    output[1] = np.nan
    assert metrics.average_keypoint_distance(true, output, 0.5) == pytest.approx(2.5)
    assert math.isnan(metrics.average_keypoint_distance(true[1:], output[1:]))


def test_lmd_sees_the_shape_of_the_mouth_and_not_its_place():
    true = np.random.default_rng(0).uniform(0, 512, (2, 68, 2))
    output = true + np.array([30.0, -7.0])
    output[:, :48] += 100  # the rest of the face does not count
    assert metrics.landmark_distance(true, output) == pytest.approx(0)
    # Half of the lips' points 4 px up, half 4 px down about their centre.
    output[:, 48:58, 1] += 4
    output[:, 58:, 1] -= 4
    assert metrics.landmark_distance(true, output) == pytest.approx(4)


def test_keypoints_are_picked_from_the_mesh():
    landmarks = torch.arange(478.0).reshape(1, 478, 1).expand(1, 478, 3)
    picked = metrics.keypoints_68(landmarks)[0, :, 0]
    # The numbers that MediaPipe and iBUG document: chin, tip of the nose, outer eye corners, mouth corners.
    known = {8: 152, 30: 4, 36: 33, 45: 263, 48: 61, 54: 291}
    assert {at: int(picked[at]) for at in known} == known
    assert metrics.keypoints_68(landmarks).shape == (1, 68, 2)


def test_recognition_points_run_from_the_left_eye_of_the_picture():
    landmarks = np.zeros((1, 478, 3))
    for number, place in {33: (10, 20), 133: (30, 20), 362: (50, 20), 263: (70, 22), 4: (40, 45)}.items():
        landmarks[0, number, :2] = place
    landmarks[0, 61, :2], landmarks[0, 291, :2] = (25, 60), (55, 61)
    expected = [(20, 20), (60, 21), (40, 45), (25, 60), (55, 61)]
    np.testing.assert_array_equal(metrics.recognition_points(landmarks)[0], expected)


def test_bounding_square_is_as_wide_as_the_larger_side():
    points = np.array([[10.0, 20.0], [30.0, 24.0]])
    assert metrics.bounding_square(points, 1.6, 512) == (4, 6, 36, 38)


def test_bounding_square_ends_at_the_picture():
    assert metrics.bounding_square(np.array([[0.0, 0.0], [20.0, 20.0]]), 2.0, 25) == (0, 0, 25, 25)


def test_correlation_by_hand():
    # Deviations (-1, 0, 1) and (-4, -1, 5)/3: 3 / sqrt(2 * 42/9).
    value = metrics.correlation(np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 4.0]))
    assert value == pytest.approx(3 / math.sqrt(84 / 9))


def test_correlation_skips_frames_without_a_face():
    truth = np.array([1.0, 2.0, np.nan, 3.0])
    assert metrics.correlation(truth, np.array([1.0, 2.0, 99.0, 3.0])) == pytest.approx(1)


def test_a_flat_curve_follows_nothing():
    assert metrics.correlation(np.ones(5), np.arange(5.0)) == 0


@pytest.mark.parametrize("late", [-3, -2, 0, 1, 5])
def test_lag_is_positive_when_the_curve_comes_late(late):
    signal = np.random.default_rng(1).normal(size=300)
    result = metrics.agreement(signal[20 - late : 220 - late], signal[20:220])
    assert result.lag == late
    assert result.at_lag == pytest.approx(1)
    if abs(late) <= 2:
        assert result.correlation == pytest.approx(1)
    else:
        assert result.correlation < 0.3


def test_curves_without_a_face_agree_with_nothing():
    result = metrics.agreement(np.full(40, np.nan), np.arange(40.0))
    assert math.isnan(result.correlation)
    assert math.isnan(result.at_lag)
