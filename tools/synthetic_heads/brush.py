"""Anti-aliased strokes and soft areas, as small patches: a large picture is touched only where needed."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from scipy.interpolate import CubicSpline

_BITS = 4  # sub-pixel positions: 1/16 pixel


@dataclass(frozen=True)
class Patch:
    """A soft mask in a window of a picture.

    Attributes:
        x, y: Upper left pixel of the window.
        mask: (h, w) float32, usually in [0, 1].
    """

    x: int
    y: int
    mask: np.ndarray

    def __mul__(self, factor: float) -> "Patch":
        return Patch(self.x, self.y, self.mask * np.float32(factor))

    def window(self, picture: np.ndarray) -> np.ndarray:
        """The part of a picture that lies under the mask, as a view."""
        return picture[self.y : self.y + self.mask.shape[0], self.x : self.x + self.mask.shape[1]]

    def sharpen(self, low: float, high: float) -> "Patch":
        """The mask's values between low and high, stretched smoothly to 0..1."""
        t = np.clip((self.mask - low) / (high - low), 0, 1)
        return Patch(self.x, self.y, (t * t * (3 - 2 * t)).astype(np.float32))


def cover(
    picture: np.ndarray, patch: Patch, colour: np.ndarray | Sequence[float], strength: float = 1.0
) -> None:
    """Blend a colour (3,) or a picture of the same size into (H, W, 3), in place."""
    value = np.asarray(colour, np.float32)
    if value.ndim == 3:
        value = patch.window(value)
    view = patch.window(picture)
    view += (value - view) * np.clip(patch.mask * np.float32(strength), 0, 1)[..., None]


def tint(picture: np.ndarray, patch: Patch, factor: Sequence[float] | float, strength: float = 1.0) -> None:
    """Multiply (H, W, 3) by `factor` where the mask is 1, in place."""
    change = np.asarray(factor, np.float32) - np.float32(1)
    weight = np.clip(patch.mask * np.float32(strength), 0, 1)[..., None]
    view = patch.window(picture)
    view *= 1 + weight * change


def add(plane: np.ndarray, patch: Patch, strength: float = 1.0) -> None:
    """Add a mask to a plane (H, W), in place."""
    patch.window(plane)[:] += patch.mask * np.float32(strength)


def raise_to(plane: np.ndarray, patch: Patch) -> None:
    """Maximum of a plane (H, W) and a mask, in place."""
    view = patch.window(plane)
    np.maximum(view, patch.mask, out=view)


def whole(mask: np.ndarray) -> Patch:
    """A mask of a whole picture as a patch."""
    return Patch(0, 0, mask.astype(np.float32, copy=False))


def _window(shape: tuple[int, int], points: np.ndarray, margin: float) -> tuple[int, int, int, int]:
    low = np.floor(points.min(0) - margin).astype(int)
    high = np.ceil(points.max(0) + margin).astype(int) + 1
    x0, y0 = np.clip(low, 0, (shape[1] - 1, shape[0] - 1))
    x1, y1 = np.clip(high, (x0 + 1, y0 + 1), (shape[1], shape[0]))
    return int(x0), int(y0), int(x1), int(y1)


def area(shape: tuple[int, int], points: np.ndarray, blur: float) -> Patch:
    """Soft mask of a polygon.

    Args:
        shape: (H, W) of the picture.
        points: (N, 2) corners x, y.
        blur: Standard deviation of the border in pixels.
    """
    x0, y0, x1, y1 = _window(shape, points, 3 * blur + 2)
    mask = np.zeros((y1 - y0, x1 - x0), np.uint8)
    corners = np.round((points - (x0, y0)) * 2**_BITS).astype(np.int32)
    cv2.fillPoly(mask, [corners], 255, cv2.LINE_AA, _BITS)
    return Patch(x0, y0, soften(mask.astype(np.float32) * np.float32(1 / 255), blur))


def line(shape: tuple[int, int], path: np.ndarray, width: float, blur: float) -> Patch:
    """Soft mask of one smooth line through points (N, 2), `width` pixels wide."""
    x0, y0, x1, y1 = _window(shape, path, 3 * blur + width + 6)
    mask = np.zeros((y1 - y0, x1 - x0), np.uint8)
    strokes(mask, [smooth(path) - (x0, y0)], np.array([255]), max(1, round(width)))
    return Patch(x0, y0, soften(mask.astype(np.float32) * np.float32(1 / 255), blur))


def spot(shape: tuple[int, int], centre: np.ndarray, radius: float | tuple[float, float]) -> Patch:
    """Gaussian spot, 1 at the centre; radius (or x and y radii) is the standard deviation."""
    rx, ry = (radius, radius) if isinstance(radius, float | int) else radius
    corners = np.array([[centre[0] - 3 * rx, centre[1] - 3 * ry], [centre[0] + 3 * rx, centre[1] + 3 * ry]])
    x0, y0, x1, y1 = _window(shape, corners, 0)
    x = np.exp(-0.5 * ((np.arange(x0, x1) - centre[0]) / rx) ** 2)
    y = np.exp(-0.5 * ((np.arange(y0, y1) - centre[1]) / ry) ** 2)
    return Patch(x0, y0, (y[:, None] * x[None]).astype(np.float32))


def soften(mask: np.ndarray, blur: float) -> np.ndarray:
    """Gaussian blur; wide ones on a reduced picture."""
    if blur <= 0.3:
        return mask
    if blur < 6:
        return cv2.GaussianBlur(mask, (0, 0), blur)
    step = 2 if blur < 14 else 4
    size = (max(1, mask.shape[1] // step), max(1, mask.shape[0] // step))
    small = cv2.GaussianBlur(cv2.resize(mask, size, interpolation=cv2.INTER_AREA), (0, 0), blur / step)
    return cv2.resize(small, mask.shape[::-1], interpolation=cv2.INTER_LINEAR)


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


def drawn(
    shape: tuple[int, int],
    paths: Sequence[np.ndarray],
    strengths: np.ndarray,
    thickness: int | np.ndarray = 1,
) -> Patch:
    """A patch with many thin lines; see `strokes`."""
    if not len(paths):
        return Patch(0, 0, np.zeros((1, 1), np.float32))
    x0, y0, x1, y1 = _window(shape, np.concatenate(list(paths)), 4)
    mask = np.zeros((y1 - y0, x1 - x0), np.uint8)
    strokes(mask, [p - (x0, y0) for p in paths], strengths, thickness)
    return Patch(x0, y0, mask.astype(np.float32) * np.float32(1 / 255))


def smooth(path: np.ndarray, count: int = 40) -> np.ndarray:
    """Cubic curve (count, 2) through points (N, 2)."""
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
