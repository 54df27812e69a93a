"""L1, PSNR and SSIM: hand-made pictures whose values are known, and scikit-image as an outside source."""

import math

import numpy as np
import pytest
from skimage.metrics import structural_similarity

from portrait3d.metrics import pixels


def flat(value: float, frames: int = 1, size: int = 16) -> np.ndarray:
    return np.full((frames, size, size, 3), value, np.uint8)


def test_l1_of_51_grey_levels_is_a_fifth():
    np.testing.assert_allclose(pixels.l1(flat(100, 2), flat(151, 2)), [0.2, 0.2])


def test_psnr_of_an_error_of_one_grey_level():
    np.testing.assert_allclose(pixels.psnr(flat(100), flat(101)), [10 * math.log10(255**2)], rtol=1e-6)


def test_psnr_of_white_against_black_is_zero():
    np.testing.assert_allclose(pixels.psnr(flat(0, 2), flat(255, 2)), [0, 0], atol=1e-6)


def test_psnr_of_equal_pictures_is_bounded_by_rounding():
    np.testing.assert_allclose(pixels.psnr(flat(7), flat(7)), [10 * math.log10(255**2 * 12)])


def test_psnr_of_a_box_sees_only_the_box():
    output = flat(100)
    output[0, 4:8, 4:8] = 110
    inside = pixels.psnr(flat(100), output, [(4, 4, 8, 8)])
    outside = pixels.psnr(flat(100), output, [(8, 8, 16, 16)])
    np.testing.assert_allclose(inside, [10 * math.log10(255**2 / 100)], rtol=1e-6)
    assert outside[0] > 58


def test_ssim_of_flat_pictures_compares_their_means():
    # Wang et al. 2004, equation 13 without variance: (2 a b + C1) / (a^2 + b^2 + C1), C1 = (0.01 * 255)^2.
    a, b, c1 = 100.0, 150.0, 2.55**2
    expected = (2 * a * b + c1) / (a * a + b * b + c1)
    np.testing.assert_allclose(pixels.ssim(flat(100), flat(150)), [expected], atol=3e-4)


@pytest.mark.parametrize("frames", [1, 9])  # one chunk, and a chunk that is not full
def test_ssim_is_scikit_images(frames):
    random = np.random.default_rng(0)
    true = random.integers(0, 256, (frames, 40, 33, 3), dtype=np.uint8)
    output = np.clip(true + random.normal(0, 20, true.shape), 0, 255).astype(np.uint8)
    options = {"data_range": 255.0, "gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    expected = [
        structural_similarity(pixels.luma(a), pixels.luma(b), **options)
        for a, b in zip(true, output, strict=True)
    ]
    np.testing.assert_allclose(pixels.ssim(true, output), expected, atol=1e-5)
    np.testing.assert_allclose(pixels.ssim(true, true), np.ones(frames), atol=1e-5)
