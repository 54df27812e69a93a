"""The face as the shape makers see it: points, spreading, sides, lips by ring and column."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from spread import Spreader
from topology import LOWER_LIP, UPPER_LIP

Field = Callable[[int, float], tuple[float, float, float]]


@dataclass(frozen=True)
class Rig:
    """Rest shape (468, 3) in decimetres, its mirror (468,) and the spreader over it."""

    points: np.ndarray
    mirror: np.ndarray
    spread: Spreader

    def mirrored(self, shape: np.ndarray) -> np.ndarray:
        """The same displacement on the other side of the face."""
        return shape[self.mirror] * (-1, 1, 1)

    def left(self, width: float = 0.12) -> np.ndarray:
        """Weight (468, 1): 1 on the subject's left, 0 on the right, adding up to 1 with its mirror image."""
        t = np.clip((self.points[:, :1] / width + 1) / 2, 0, 1)
        return t * t * (3 - 2 * t)

    def lips(self, upper: Field | None, lower: Field | None) -> dict[int, np.ndarray]:
        """Handles on the lips. A field maps (ring 0 outer .. 3 inner, s = -1 right corner .. 1 left corner)
        to a move.

        A lip without a field is held still; corners are shared, and the upper field rules there if there
        are two.
        """
        handles: dict[int, np.ndarray] = {}
        half = self.points[291, 0]
        for lip, field in ((LOWER_LIP, lower), (UPPER_LIP, upper)):
            for ring in range(4):
                for vertex in lip[ring]:
                    s = float(np.clip(self.points[vertex, 0] / half, -1, 1))
                    move = np.array(field(ring, s)) if field else np.zeros(3)
                    if field or vertex not in handles:
                        handles[vertex] = move
        return handles
