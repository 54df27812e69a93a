"""The published background recipe against brute force."""

import numpy as np
import pytest
import torch

from portrait3d.errors import InputError
from portrait3d.full.background_fill import CLEAR, nearest_background, published_interval


def disc(size: int, x: float, y: float, radius: float) -> np.ndarray:
    rows, columns = np.mgrid[0:size, 0:size]
    return ((columns - x) ** 2 + (rows - y) ** 2 < radius**2).astype(np.uint8) * 255


def distances(mask: np.ndarray) -> np.ndarray:
    """From every pixel to the nearest one of the person."""
    everyone = np.stack(np.nonzero(mask), -1)
    grid = np.stack(np.mgrid[0 : len(mask), 0 : len(mask)], -1)
    return np.sqrt(((grid[:, :, None] - everyone) ** 2).sum(-1).min(-1))


def test_pixels_come_from_the_frame_where_the_person_is_farthest() -> None:
    size, generator = 40, np.random.default_rng(0)
    frames = generator.integers(0, 256, (3, size, size, 3)).astype(np.uint8)
    masks = [disc(size, 8, 20, 6), disc(size, 30, 12, 5), disc(size, 20, 32, 7)]
    all_distances = np.stack([distances(mask) for mask in masks])
    best, chosen = all_distances.max(0), all_distances.argmax(0)
    plate = nearest_background(frames, masks).numpy()
    known = best > CLEAR
    rows, columns = np.mgrid[0:size, 0:size]
    taken = frames[chosen, rows, columns]
    assert np.array_equal(plate[known], taken[known])


def test_never_clear_pixels_take_the_nearest_clear_ones() -> None:
    size = 48
    frame = np.zeros((size, size, 3), np.uint8)
    frame[:, :24], frame[:, 24:] = 10, 200
    mask = disc(size, 24, 24, 8)
    plate = nearest_background([frame], [mask]).numpy()
    known = np.stack(np.nonzero(distances(mask) > CLEAR), -1)
    for row, column in ((24, 20), (24, 30), (20, 24), (30, 16)):
        away = ((known - (row, column)) ** 2).sum(-1)
        nearest = known[away == away.min()]
        assert plate[row, column].tolist() in [frame[r, c].tolist() for r, c in nearest]


def test_an_empty_frame_is_the_background() -> None:
    frames = np.random.default_rng(1).integers(0, 256, (2, 32, 32, 3)).astype(np.uint8)
    plate = nearest_background(torch.from_numpy(frames), [disc(32, 16, 16, 4), np.zeros((32, 32), np.uint8)])
    assert np.array_equal(plate.numpy(), frames[1])


def test_hopeless_clips_are_refused() -> None:
    frame = np.zeros((16, 16, 3), np.uint8)
    with pytest.raises(InputError, match="never farther than 10"):
        nearest_background([frame], [disc(16, 8, 8, 6)])
    with pytest.raises(InputError, match="no frames"):
        nearest_background([], [])
    with pytest.raises(ValueError, match="shorter"):
        nearest_background([frame], [])


def test_published_intervals() -> None:
    assert [published_interval(n) for n in (50, 500, 20000)] == [5, 20, 40]
