"""Identity basis: smooth symmetric and antisymmetric deformations, each scaled by the spread seen between people."""

import numpy as np

SIZE = 80
ANTISYMMETRIC = 14  # of the 80; faces are nearly symmetric
ASYMMETRY = 0.25  # spread of an antisymmetric mode over that of a symmetric one of the same smoothness


def identity_basis(
    points: np.ndarray, laplacian: np.ndarray, mirror: np.ndarray, spread: np.ndarray
) -> np.ndarray:
    """Basis (V, 3, 80) in decimetres per standard deviation.

    Laplacian eigenfunctions from smooth to fine, one per axis. A function that is even in x deforms symmetrically
    along y and z and antisymmetrically along x, and the other way round for an odd one.

    Args:
        points: (V, 3) mean shape.
        laplacian: (V, V) symmetric.
        mirror: (V,) permutation.
        spread: (3,) root mean square deviation between people, per axis, in decimetres.
    """
    values, functions = np.linalg.eigh(laplacian)
    even = np.abs(functions[mirror] - functions).max(0) < np.abs(functions[mirror] + functions).max(0)
    candidates: list[tuple[bool, float, np.ndarray]] = []
    for k in range(60):
        for axis in range(3):
            symmetric = bool(even[k]) != (axis == 0)
            field = np.zeros_like(points)
            field[:, axis] = functions[:, k] * np.sqrt(len(points))
            opposite = field[mirror] * (-1, 1, 1)
            field = (field + opposite) / 2 if symmetric else (field - opposite) / 2
            # Spread falls with frequency as in measured faces: most of it is in the smoothest modes.
            size = spread[axis] / (1.0 + values[k] / values[6]) * (1.0 if symmetric else ASYMMETRY)
            candidates.append((symmetric, float(values[k]), field * size))
    translation = 3  # k = 0 moves the whole head, which the pose already does
    candidates = candidates[translation:]
    symmetric = [c for c in candidates if c[0]][: SIZE - ANTISYMMETRIC]
    skewed = [c for c in candidates if not c[0]][:ANTISYMMETRIC]
    return np.stack([field for _, _, field in symmetric + skewed], -1)
