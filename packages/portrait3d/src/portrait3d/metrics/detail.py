"""How much fine detail a rendered face keeps, and how steady it is where nothing moves."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from portrait3d.metrics.pixels import Box, Values, luma

GMSD_CONSTANT = 170.0  # Xue et al. 2014, for values up to 255
STILL = 1.0  # grey levels: where the true picture changes less than this per frame on average, nothing moves
LEAST_CHANGE = 0.1  # grey levels: a quieter original (a drawn one, say) does not make the judge stricter


def halve(pictures: Values) -> Values:
    """Average 2 x 2 pixels of (..., H, W) pictures; an odd last row or column is dropped."""
    height, width = (side // 2 * 2 for side in pictures.shape[-2:])
    even = pictures[..., :height, :width]
    return even.reshape(*even.shape[:-2], height // 2, 2, width // 2, 2).mean(axis=(-3, -1))


def rms_laplacian(picture: Values) -> float:
    """Return the root mean square of the four-neighbour Laplacian of a (H, W) picture, its rim left out."""
    centre = picture[1:-1, 1:-1]
    neighbours = picture[:-2, 1:-1] + picture[2:, 1:-1] + picture[1:-1, :-2] + picture[1:-1, 2:]
    return float(np.sqrt(np.mean((neighbours - 4 * centre) ** 2)))


def sharpness(true: NDArray, output: NDArray, boxes: list[Box]) -> Values:
    """Detail of the output over detail of the true frame: RMS Laplacians of a box at half size.

    1 is as sharp as the original, below is blurred, above is noisy. Half size (256 of 512 pixels) keeps the
    measure from rewarding compression noise.

    Args:
        true: (T, H, W, 3) uint8.
        output: (T, H, W, 3) uint8.
        boxes: T boxes x0, y0, x1, y1 in pixels.

    Returns:
        (T,) ratios.
    """
    values = []
    for wanted, got, (x0, y0, x1, y1) in zip(true, output, boxes, strict=True):
        detail = [rms_laplacian(halve(luma(frame[y0:y1, x0:x1]))) for frame in (got, wanted)]
        values.append(detail[0] / max(detail[1], 1e-9))
    return np.array(values)


def gradient_magnitude(picture: Values) -> Values:
    """Return the Prewitt gradient magnitude of a (H, W) picture, the rim repeated outside."""
    across = torch.tensor([[1.0, 0.0, -1.0]] * 3, dtype=torch.float64) / 3
    filters = torch.stack([across, across.T])[:, None]
    padded = F.pad(torch.from_numpy(picture)[None, None], (1, 1, 1, 1), mode="replicate")
    return F.conv2d(padded, filters)[0].norm(dim=0).numpy()


def gmsd(true: NDArray, output: NDArray, boxes: list[Box]) -> Values:
    """Gradient magnitude similarity deviation of a box per frame (Xue et al. 2014): 0 for equal pictures.

    Args:
        true: (T, H, W, 3) uint8.
        output: (T, H, W, 3) uint8.
        boxes: T boxes x0, y0, x1, y1 in pixels.

    Returns:
        (T,) deviations.
    """
    values = []
    for wanted, got, (x0, y0, x1, y1) in zip(true, output, boxes, strict=True):
        a, b = (gradient_magnitude(halve(luma(frame[y0:y1, x0:x1]))) for frame in (wanted, got))
        values.append(np.std((2 * a * b + GMSD_CONSTANT) / (a**2 + b**2 + GMSD_CONSTANT)))
    return np.array(values)


def flicker(true: NDArray, output: NDArray) -> float:
    """Frame-to-frame change of the output over that of the true clip, where nothing moves in the true clip.

    Args:
        true: (T, H, W, 3) uint8, T >= 2.
        output: (T, H, W, 3) uint8.

    Returns:
        The ratio; about 1 is as steady as the original, NaN when every pixel of the true clip moves.
    """
    true_change, output_change = mean_change(true), mean_change(output)
    still = true_change < STILL
    if not still.any():
        return float("nan")
    return float(output_change[still].mean() / max(true_change[still].mean(), LEAST_CHANGE))


def mean_change(frames: NDArray) -> Values:
    """Return the mean absolute change of brightness between neighbouring frames, (H, W), in grey levels."""
    total = np.zeros(frames.shape[1:3])
    before = luma(frames[0])
    for frame in frames[1:]:
        now = luma(frame)
        total += np.abs(now - before)
        before = now
    return total / (len(frames) - 1)
