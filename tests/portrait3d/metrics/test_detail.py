"""Sharpness, GMSD and flicker: every expected number is worked by hand."""

import math

import numpy as np
import pytest

from portrait3d.metrics import detail


def flat(value: float, frames: int = 1, size: int = 16) -> np.ndarray:
    return np.full((frames, size, size, 3), value, np.uint8)


def test_halve_averages_four_pixels():
    np.testing.assert_array_equal(detail.halve(np.array([[0.0, 4.0, 9.0], [8.0, 12.0, 9.0]])), [[6.0]])


def test_laplacian_of_a_parabola_is_two():
    parabola = np.tile(np.arange(8.0) ** 2, (8, 1))
    assert detail.rms_laplacian(parabola) == 2.0


def test_sharpness_of_half_the_contrast_is_one_half():
    checks = np.kron(np.indices((8, 8)).sum(0) % 2, np.ones((2, 2)))[None, ..., None].repeat(3, -1)
    sharp, soft = (checks * 200).astype(np.uint8), (checks * 100).astype(np.uint8)
    np.testing.assert_allclose(detail.sharpness(sharp, soft, [(0, 0, 16, 16)]), [0.5])


def test_gradient_of_a_slope_is_its_rise_over_two_pixels():
    slope = np.add.outer(3.0 * np.arange(6), 4.0 * np.arange(7))
    np.testing.assert_allclose(detail.gradient_magnitude(slope)[1:-1, 1:-1], 10)


def test_gmsd_of_a_ramp_against_nothing():
    # Halved, the ramp climbs by 8: gradient 2 * 8 inside, 8 on the two rim columns (repeated rim).
    ramp = np.tile(np.arange(0, 80, 8, np.uint8).repeat(2), (20, 1))[None, ..., None].repeat(3, -1)
    inner, rim = 170 / (16**2 + 170), 170 / (8**2 + 170)
    expected = abs(rim - inner) * math.sqrt(0.2 * 0.8)
    box = [(0, 0, 20, 20)]
    np.testing.assert_allclose(detail.gmsd(ramp, flat(0, 1, 20), box), [expected])
    np.testing.assert_allclose(detail.gmsd(ramp, ramp, box), [0], atol=1e-12)


def test_flicker_counts_only_where_the_original_stands_still():
    true, output = flat(100, 4), flat(100, 4)
    true[1::2, :, :8] += 50  # the left half moves, so what the output does there is not flicker
    output[1::2, :, :8] += 90
    assert detail.flicker(true, output) == 0
    output[1::2, :, 8:] += 2  # the still half blinks by two grey levels; the judge allows for 0.1
    assert detail.flicker(true, output) == pytest.approx(2 / 0.1)


def test_flicker_is_undefined_when_everything_moves():
    moving = flat(0, 3)
    moving[1] = 90
    assert math.isnan(detail.flicker(moving, moving))
