"""Random textures: sums of resized random grids."""

import cv2
import numpy as np


def fractal(
    rng: np.random.Generator, height: int, width: int, cell: float, octaves: int = 4, gain: float = 0.5
) -> np.ndarray:
    """Smooth noise (height, width) float32, mean 0, standard deviation 1.

    Args:
        rng: Source of the random numbers.
        height: Rows.
        width: Columns.
        cell: Pixels between the grid points of the coarsest octave.
        octaves: Number of grids, each twice as fine as the one before.
        gain: Amplitude of an octave over that of the one before.
    """
    total = np.zeros((height, width), np.float32)
    for octave in range(octaves):
        step = max(cell / 2**octave, 1.0)
        rows, columns = int(height / step) + 3, int(width / step) + 3
        grid = rng.standard_normal((rows, columns), dtype=np.float32) * np.float32(gain**octave)
        how = cv2.INTER_CUBIC if step > 4 else cv2.INTER_LINEAR
        total += cv2.resize(grid, (int(columns * step) + 1, int(rows * step) + 1), interpolation=how)[
            :height, :width
        ]
    return _standard(total)


def streaks(rng: np.random.Generator, height: int, width: int, thickness: float, length: float) -> np.ndarray:
    """Strand-like noise along the rows' direction (vertical), mean 0, standard deviation 1.

    Args:
        rng: Source of the random numbers.
        height: Rows, along the strands.
        width: Columns, across the strands.
        thickness: Pixels per strand.
        length: Pixels over which a strand changes its brightness.
    """
    rows, columns = int(height / length) + 3, int(width / thickness) + 3
    grid = rng.standard_normal((rows, columns), dtype=np.float32)
    large = cv2.resize(
        grid, (int(columns * thickness) + 1, int(rows * length) + 1), interpolation=cv2.INTER_LINEAR
    )
    return _standard(large[:height, :width])


def _standard(values: np.ndarray) -> np.ndarray:
    sample = values[::3, ::3]
    return (values - sample.mean()) * np.float32(1 / max(float(sample.std()), 1e-6))


def smoothstep(low: float, high: float, values: np.ndarray) -> np.ndarray:
    """0 below low, 1 above high, a smooth cubic between."""
    t = np.clip((values - low) / (high - low), 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def mix(a: np.ndarray, b: np.ndarray | tuple[float, ...] | float, weight: np.ndarray) -> np.ndarray:
    """a where weight is 0, b where it is 1; weight (H, W) is spread over colour channels."""
    a, b, weight = (np.asarray(v, np.float32) for v in (a, b, weight))
    if a.ndim == 3 and weight.ndim == 2:
        weight = weight[..., None]
    return a + (b - a) * weight
