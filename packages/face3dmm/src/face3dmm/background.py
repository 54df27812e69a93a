"""What lies behind a person, gathered over a clip."""

import numpy as np
import torch
from scipy.ndimage import binary_dilation, gaussian_filter
from torch import Tensor

SAMPLES = 40
CLEAR = 16  # of 255: a pixel with less person than this shows the background
MARGIN = 5  # pixels kept away from the person: soft edges carry its colour


def fill_background(frames: Tensor, person: Tensor) -> Tensor:
    """Median of what is seen of the background; what is never seen flows in from its border.

    Args:
        frames: (T, S, S, 3) uint8; at most 40 of them, evenly spread, are used.
        person: (T, S, S) uint8 masks.

    Returns:
        (S, S, 3) uint8.
    """
    chosen = np.unique(np.linspace(0, len(frames) - 1, SAMPLES).round().astype(int))
    pictures = frames[chosen].numpy()
    hidden = np.stack([binary_dilation(mask > CLEAR, iterations=MARGIN) for mask in person[chosen].numpy()])
    seen = (~hidden).sum(0)
    plate = np.zeros(pictures.shape[1:], np.float32)
    always = seen == len(chosen)
    plate[always] = np.median(pictures[:, always], axis=0)
    rows, columns = np.nonzero((seen > 0) & ~always)
    for block in np.array_split(np.arange(len(rows)), max(1, len(rows) // 20000)):
        r, c = rows[block], columns[block]
        values = pictures[:, r, c].astype(np.float32)
        values[hidden[:, r, c]] = np.nan
        plate[r, c] = np.nanmedian(values, axis=0)
    return torch.from_numpy(flow_in(plate, seen > 0).round().clip(0, 255).astype(np.uint8))


def flow_in(picture: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Fill unknown pixels from the known ones, near ones first, by normalised blurs of growing width.

    Args:
        picture: (S, S, 3) float32.
        known: (S, S) bool. Where nothing is known the picture becomes mid-grey.
    """
    if not known.any():
        return np.full_like(picture, 127.5)
    filled, have = picture * known[..., None], known.astype(np.float32)
    sigma = 2.0
    while have.min() == 0:
        weight = gaussian_filter(have, sigma)
        blurred = np.stack([gaussian_filter(filled[..., c], sigma) for c in range(3)], -1)
        reached = (have == 0) & (weight > 1e-3)
        filled[reached] = blurred[reached] / weight[reached][:, None]
        have[reached] = 1.0
        sigma *= 2
    smooth = np.stack([gaussian_filter(filled[..., c], 6.0) for c in range(3)], -1)
    inside = gaussian_filter((~known).astype(np.float32), 4.0)[..., None] * ~known[..., None]
    return filled * (1 - inside) + smooth * inside
