"""Compare rendered frames with the true ones: uint8 RGB in, one number per frame out."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import convolve
from skimage.metrics import structural_similarity

Box = tuple[int, int, int, int]
Values = NDArray[np.float64]

LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601
ROUNDING_ERROR = 1 / 12  # mean squared error of rounding to 8 bits: equal pictures count as 58.9 dB
GMSD_CONSTANT = 170.0  # Xue et al. 2014, for values up to 255
STILL = 1.0  # grey levels: where the true picture changes less than this per frame on average, nothing moves
LEAST_CHANGE = 0.1  # grey levels: a quieter original (a drawn one, say) does not make the judge stricter


def luma(frames: np.ndarray) -> Values:
    """Return (..., H, W) brightness in 0..255 of (..., H, W, 3) RGB."""
    return frames.astype(np.float64) @ LUMA


def halve(pictures: Values) -> Values:
    """Average 2 x 2 pixels of (..., H, W) pictures; an odd last row or column is dropped."""
    height, width = (side // 2 * 2 for side in pictures.shape[-2:])
    even = pictures[..., :height, :width]
    return even.reshape(*even.shape[:-2], height // 2, 2, width // 2, 2).mean(axis=(-3, -1))


def psnr(true: np.ndarray, output: np.ndarray, boxes: list[Box] | None = None) -> Values:
    """Peak signal-to-noise ratio per frame, in dB, of the whole frame or of one box per frame.

    Args:
        true: (T, H, W, 3) uint8.
        output: (T, H, W, 3), uint8 or float in 0..255.
        boxes: T boxes x0, y0, x1, y1 in pixels, or None for the whole frame.

    Returns:
        (T,) dB.
    """
    values = []
    for index, (wanted, got) in enumerate(zip(true, output, strict=True)):
        x0, y0, x1, y1 = boxes[index] if boxes else (0, 0, wanted.shape[1], wanted.shape[0])
        error = wanted[y0:y1, x0:x1].astype(np.float64) - got[y0:y1, x0:x1]
        values.append(10 * np.log10(255**2 / max(float(np.mean(error**2)), ROUNDING_ERROR)))
    return np.array(values)


def ssim(true: np.ndarray, output: np.ndarray) -> Values:
    """Structural similarity of the brightness per frame, (T,): Wang et al. 2004, Gaussian of 1.5 px."""
    options = {"data_range": 255.0, "gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    return np.array(
        [structural_similarity(luma(a), luma(b), **options) for a, b in zip(true, output, strict=True)]
    )


def rms_laplacian(picture: Values) -> float:
    """Return the root mean square of the four-neighbour Laplacian of a (H, W) picture, its rim left out."""
    centre = picture[1:-1, 1:-1]
    neighbours = picture[:-2, 1:-1] + picture[2:, 1:-1] + picture[1:-1, :-2] + picture[1:-1, 2:]
    return float(np.sqrt(np.mean((neighbours - 4 * centre) ** 2)))


def sharpness(true: np.ndarray, output: np.ndarray, boxes: list[Box]) -> Values:
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
    """Return the Prewitt gradient magnitude of a (H, W) picture."""
    across = np.array([[1.0, 0.0, -1.0]] * 3) / 3
    return np.hypot(convolve(picture, across, mode="nearest"), convolve(picture, across.T, mode="nearest"))


def gmsd(true: np.ndarray, output: np.ndarray, boxes: list[Box]) -> Values:
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


def flicker(true: np.ndarray, output: np.ndarray) -> float:
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


def mean_change(frames: np.ndarray) -> Values:
    """Return the mean absolute change of brightness between neighbouring frames, (H, W), in grey levels."""
    total = np.zeros(frames.shape[1:3])
    before = luma(frames[0])
    for frame in frames[1:]:
        now = luma(frame)
        total += np.abs(now - before)
        before = now
    return total / (len(frames) - 1)
