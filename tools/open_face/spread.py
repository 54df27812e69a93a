"""Spread the motion of a few handle vertices smoothly over the mesh."""

from collections.abc import Iterable, Mapping

import numpy as np


class Spreader:
    """Solves for the displacement field of least energy d' (L + s L L) d that meets the handles.

    L is the mesh Laplacian with inverse edge lengths. The first term alone (harmonic weights, Joshi et al.
    2007) stays within the range of the handles but has cusps at them; the second rounds them off.

    Args:
        points: (V, 3) mesh at rest.
        edges: (V, V) 0/1 adjacency.
        smooth: s, relative to the mean edge length squared.
    """

    def __init__(self, points: np.ndarray, edges: np.ndarray, smooth: float = 0.5) -> None:
        self.points = points
        distance = np.linalg.norm(points[:, None] - points[None], axis=-1)
        length = distance[edges > 0].mean()
        weights = np.where(edges > 0, length / np.maximum(distance, 0.2 * length), 0.0)
        self.laplacian = np.diag(weights.sum(1)) - weights
        self.energy = self.laplacian + smooth / weights.sum(1).mean() * self.laplacian @ self.laplacian

    def near(self, vertices: Iterable[int], reach: float) -> np.ndarray:
        """Mask (V,) of the vertices within `reach` of any of the given ones."""
        chosen = self.points[list(vertices)]
        return np.linalg.norm(self.points[:, None] - chosen[None], axis=-1).min(1) <= reach

    def __call__(
        self, handles: Mapping[int, np.ndarray], reach: float | None = None, hold: Iterable[int] = ()
    ) -> np.ndarray:
        """Displacement (V, k): the handles' own, 0 at `hold` and beyond `reach` of the handles."""
        value = {vertex: np.zeros_like(next(iter(handles.values())), dtype=float) for vertex in hold}
        value |= {vertex: np.asarray(v, float) for vertex, v in handles.items()}
        if reach is not None:
            for vertex in np.flatnonzero(~self.near(handles, reach)):
                value.setdefault(int(vertex), np.zeros_like(next(iter(value.values()))))
        known = np.array(sorted(value))
        free = np.setdiff1d(np.arange(len(self.points)), known)
        field = np.zeros((len(self.points), len(next(iter(value.values())))))
        field[known] = np.stack([value[int(v)] for v in known])
        if len(free):
            rest = self.energy[np.ix_(free, known)] @ field[known]
            field[free] = np.linalg.solve(self.energy[np.ix_(free, free)], -rest)
        return field

    def extend(self, basis: np.ndarray, reach: float | None = None) -> np.ndarray:
        """Continue a basis (N, 3, K) of the first N vertices over the whole mesh, to zero beyond `reach`."""
        known = len(basis)
        handles = dict(enumerate(basis.reshape(known, -1)))
        return self(handles, reach).reshape(-1, *basis.shape[1:])
