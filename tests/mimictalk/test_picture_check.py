"""Blur, light and size of a face, on pictures whose blur and light are known."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from mimictalk.picture_check import judge_pictures, lost_octaves, octaves

RNG = np.random.default_rng(0)
POINTS = np.stack(np.meshgrid(np.linspace(150, 369, 26), np.linspace(140, 379, 18)), -1).reshape(-1, 2)


@pytest.fixture(scope="module")
def natural() -> np.ndarray:
    """(512, 512) with the spectrum of natural pictures: amplitude falls as 1 / frequency (Field 1987)."""
    rows, columns = np.meshgrid(np.fft.fftfreq(512), np.fft.fftfreq(512), indexing="ij")
    spectrum = np.fft.fft2(RNG.standard_normal((512, 512))) / np.maximum(np.hypot(rows, columns), 1 / 512)
    picture = np.fft.ifft2(spectrum).real
    return 120 + 30 * (picture - picture.mean()) / picture.std()


def grades(frames: list[np.ndarray], side: int = 512) -> dict:
    pictures = [np.repeat(np.clip(f, 0, 255).astype(np.uint8)[..., None], 3, -1) for f in frames]
    landmarks = np.repeat(POINTS[None].astype(np.float32), len(frames), 0)
    judged = judge_pictures(pictures, landmarks, np.ones(len(frames), bool), side)
    return {one.check: one for one in judged}


def test_an_octave_is_lost_each_time_the_blur_doubles(natural):
    assert lost_octaves(octaves(natural)) == 0
    lost = [lost_octaves(octaves(gaussian_filter(natural, blur))) for blur in (1, 2, 4, 8)]
    assert np.diff(lost) == pytest.approx([1, 1, 1], abs=0.2)


def test_noise_is_no_detail(natural):
    blurred = gaussian_filter(natural, 4)
    noisy = blurred + np.random.default_rng(2).standard_normal(blurred.shape)
    assert octaves(noisy)[0] > 5 * octaves(blurred)[0]
    assert (
        lost_octaves(octaves(noisy)) > 1.5
    )  # the finest two, full of noise, would count as sharp by themselves


@pytest.mark.parametrize(("blur", "grade"), [(0, "go"), (2, "warn"), (8, "no-go")])
def test_blur(natural, blur, grade):
    found = grades([gaussian_filter(natural, blur) if blur else natural])["sharpness"]
    assert found.grade == grade
    assert bool(found.cure) == (grade != "go")


@pytest.mark.parametrize(("side", "grade", "pixels"), [(512, "go", 219), (256, "warn", 109.5)])
def test_size_is_that_in_the_source(natural, side, grade, pixels):
    found = grades([natural], side)["face size"]
    assert (found.grade, found.numbers) == (grade, {"pixels": pytest.approx(pixels, abs=0.1)})


@pytest.mark.parametrize(
    ("change", "grade", "word"),
    [
        (lambda p: p, "go", "brightness"),
        (lambda p: 0.2 * p, "warn", "dark"),
        (lambda p: 0.03 * p, "no-go", "black"),
        (lambda p: p + 105, "warn", "overexposed"),
        (lambda p: p + 200, "no-go", "overexposed"),
        (lambda p: p * np.where(np.arange(512) < 260, 1.0, 0.4), "warn", "uneven"),
    ],
)
def test_light(natural, change, grade, word):
    found = grades([change(natural)])["light"]
    assert found.grade == grade
    assert word in found.found


def test_flicker_is_told_and_slow_changes_are_not(natural):
    shine = np.random.default_rng(1)
    steady = [natural * (1 + 0.002 * k) for k in range(20)]
    lamp = [natural * (1 + 0.03 * shine.standard_normal()) for _ in range(20)]
    assert grades(steady)["flicker"].grade == "go"
    assert grades(lamp)["flicker"].grade == "warn"
    assert grades(lamp)["flicker"].numbers == {"share": pytest.approx(0.03, abs=0.015)}
    assert grades(lamp[:2])["flicker"].grade == "go"
