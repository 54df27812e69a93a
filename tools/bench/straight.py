"""A straight line through measurements, and how far they are from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Line:
    """y = base + slope * x.

    Attributes:
        slope: More of y for one more of x.
        base: y where x is 0.
        r_squared: Share of the variance of y that it explains; 1 where there is none.
        deviation: The largest distance of a point from it, over its height there.
    """

    slope: float
    base: float
    r_squared: float
    deviation: float


def line_through(points: Sequence[tuple[float, float]]) -> Line:
    """The line from which points deviate least by their share, in least squares: a large one counts no more.

    Args:
        points: (x, y) with y > 0, at least three: through two any line goes.

    Raises:
        ValueError: If they are fewer, or some y is not positive.
    """
    x, y = np.array(points, float).T if points else np.empty((2, 0))
    if len(x) < 3 or (y <= 0).any():
        raise ValueError(f"a line needs three points or more, all above 0, got {list(points)}")
    slope, base = np.polyfit(x, y, 1, w=1 / y)
    line = base + slope * x
    variance = float(np.square(y - y.mean()).sum())
    left = float(np.square(y - line).sum())
    r_squared = 1 - left / variance if variance else 1.0
    return Line(float(slope), float(base), r_squared, float((np.abs(y - line) / np.abs(line)).max()))
