"""Anti-aliased strokes and soft areas on float pictures."""

from collections.abc import Sequence

import cv2
import numpy as np

_BITS = 4  # sub-pixel positions: 1/16 pixel


def area(shape: tuple[int, int], points: np.ndarray, blur: float) -> np.ndarray:
    """Soft mask (H, W) in [0, 1] of a polygon.

    Args:
        shape: (H, W).
        points: (N, 2) corners x, y.
        blur: Standard deviation of the border in pixels.
    """
    mask = np.zeros(shape, np.uint8)
    cv2.fillPoly(mask, [np.round(points * 2**_BITS).astype(np.int32)], 255, cv2.LINE_AA, _BITS)
    return soften(mask.astype(np.float32) / 255, blur)


def soften(mask: np.ndarray, blur: float) -> np.ndarray:
    """Gaussian blur."""
    return cv2.GaussianBlur(mask, (0, 0), blur) if blur > 0.3 else mask


def spot(shape: tuple[int, int], centre: np.ndarray, radius: float | tuple[float, float]) -> np.ndarray:
    """Gaussian spot (H, W), 1 at the centre; radius (or x and y radii) is the standard deviation."""
    rx, ry = (radius, radius) if isinstance(radius, float | int) else radius
    x = np.exp(-0.5 * ((np.arange(shape[1]) - centre[0]) / rx) ** 2)
    y = np.exp(-0.5 * ((np.arange(shape[0]) - centre[1]) / ry) ** 2)
    return (y[:, None] * x[None]).astype(np.float32)


def strokes(
    mask: np.ndarray, paths: Sequence[np.ndarray], strengths: np.ndarray, thickness: int | np.ndarray = 1
) -> None:
    """Draw lines into a uint8 mask, in order.

    Args:
        mask: (H, W) uint8, written.
        paths: Lines (n, 2) of x, y.
        strengths: (N,) values 0..255.
        thickness: Pixels, one number or (N,).
    """
    widths = np.broadcast_to(thickness, (len(paths),))
    for path, strength, width in zip(paths, strengths, widths, strict=True):
        points = np.round(path * 2**_BITS).astype(np.int32).reshape(-1, 1, 2)
        cv2.polylines(mask, [points], False, int(strength), int(width), cv2.LINE_AA, _BITS)


def line(shape: tuple[int, int], path: np.ndarray, width: float, blur: float) -> np.ndarray:
    """Soft mask (H, W) of one smooth line through points (N, 2)."""
    mask = np.zeros(shape, np.uint8)
    strokes(mask, [smooth(path)], np.array([255]), max(1, round(width)))
    return soften(mask.astype(np.float32) / 255, blur)


def smooth(path: np.ndarray, count: int = 40) -> np.ndarray:
    """Cubic curve (count, 2) through points (N, 2)."""
    from scipy.interpolate import CubicSpline

    at = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))])
    return CubicSpline(at, path)(np.linspace(0, at[-1], count))


def hairs(
    rng: np.random.Generator, roots: np.ndarray, directions: np.ndarray, length: float, bend: float
) -> list[np.ndarray]:
    """Curved hairs, one from each root.

    Args:
        rng: For lengths and bends.
        roots: (N, 2).
        directions: (N, 2) unit vectors.
        length: Pixels.
        bend: Sideways drift over the length, as a share of it.

    Returns:
        N lines of 4 points.
    """
    t = np.linspace(0, 1, 4)[None, :, None]
    long = length * rng.uniform(0.55, 1.25, (len(roots), 1, 1))
    side = np.stack([-directions[:, 1], directions[:, 0]], -1)[:, None]
    drift = bend * rng.normal(0, 1, (len(roots), 1, 1))
    return list(roots[:, None] + long * (t * directions[:, None] + drift * t**2 * side))
