"""Differences of pixels: L1, PSNR and SSIM, frame by frame; PSNR and SSIM are those of torchmetrics."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Box = tuple[int, int, int, int]
Values = NDArray[np.float64]

LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601
ROUNDING_ERROR = 1 / 12  # mean squared error of rounding to 8 bits: equal pictures count as 58.9 dB
MOST_PSNR = float(10 * np.log10(255**2 / ROUNDING_ERROR))
CHUNK = 8  # frames compared at a time
SIGMA, RIM = 1.5, 5  # pixels: width and reach of SSIM's Gaussian


def luma(frames: NDArray) -> Values:
    """Return (..., H, W) brightness in 0..255 of (..., H, W, 3) RGB."""
    return frames.astype(np.float64) @ LUMA


def l1(true: NDArray, output: NDArray) -> Values:
    """Mean absolute difference per frame, (T,), with values scaled to [0, 1].

    Args:
        true: (T, H, W, 3) uint8.
        output: (T, H, W, 3), uint8 or float in 0..255.
    """
    pairs = zip(true, output, strict=True)
    return np.array([float(np.abs(a.astype(np.float64) - b).mean()) / 255 for a, b in pairs])


def psnr(true: NDArray, output: NDArray, boxes: list[Box] | None = None) -> Values:
    """Peak signal-to-noise ratio per frame, in dB, of the whole frame or of one box per frame.

    Args:
        true: (T, H, W, 3) uint8.
        output: (T, H, W, 3), uint8 or float in 0..255.
        boxes: T boxes x0, y0, x1, y1 in pixels, or None for the whole frame.

    Returns:
        (T,) dB, at most 58.9: equal pictures are as alike as rounding to 8 bits can tell.
    """
    from torchmetrics.functional.image import peak_signal_noise_ratio

    values = []
    for index, (wanted, got) in enumerate(zip(true, output, strict=True)):
        x0, y0, x1, y1 = boxes[index] if boxes else (0, 0, wanted.shape[1], wanted.shape[0])
        a, b = (torch.tensor(frame[y0:y1, x0:x1], dtype=torch.float64) for frame in (got, wanted))
        values.append(min(float(peak_signal_noise_ratio(a, b, data_range=255.0)), MOST_PSNR))
    return np.array(values)


def ssim(true: NDArray, output: NDArray) -> Values:
    """Structural similarity of the brightness per frame, (T,): Wang et al. 2004, Gaussian of 1.5 px.

    As there, only windows that lie in the picture count; torchmetrics would count mirrored rims, too.

    Args:
        true: (T, H, W, 3) uint8, sides of at least 11 pixels.
        output: (T, H, W, 3), uint8 or float in 0..255.
    """
    from torchmetrics.functional.image import structural_similarity_index_measure

    values = []
    for start in range(0, len(true), CHUNK):
        a, b = (_gray(frames[start : start + CHUNK]) for frames in (output, true))
        _, found = structural_similarity_index_measure(
            a, b, sigma=SIGMA, reduction="none", data_range=255.0, return_full_image=True
        )
        values.append(found[..., RIM:-RIM, RIM:-RIM].double().mean((1, 2, 3)).numpy())
    return np.concatenate(values)


def _gray(frames: NDArray) -> Tensor:
    # Single precision takes a tenth of the time; SSIM of flat pictures is off by 2e-4, of others by 1e-5.
    return torch.from_numpy(luma(frames)).float()[:, None]
