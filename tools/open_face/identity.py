"""Identity basis: smooth symmetric and antisymmetric deformations, each scaled by the spread seen between
people.

The functions are eigenfunctions of a Laplacian whose mouth and eyes are stitched: people differ in the
shape of their face, not in how far they open it. Lips move as one, lids nearly so.
"""

import numpy as np
from topology import (
    LEFT_LOWER_LID,
    LEFT_UPPER_LID,
    LOWER_LIP,
    RIGHT_LOWER_LID,
    RIGHT_UPPER_LID,
    UPPER_LIP,
)

SIZE = 80
FUNCTIONS = 60
ANTISYMMETRIC = 14  # of the 80; faces are nearly symmetric
ASYMMETRY = 0.35  # spread of an antisymmetric mode over that of a symmetric one of the same smoothness
LID_STITCH = 3.0  # weight of an edge across the eye, relative to an ordinary edge


def smooth_functions(laplacian: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Smoothest functions on the stitched mesh.

    Args:
        laplacian: (V, V) symmetric, rows sum to 0.

    Returns:
        eigenvalues (60,), functions (V, 60) of mean square 1; the first is constant. Lip partners have
        equal values.
    """
    stitched = laplacian.copy()
    edge = np.diag(laplacian).mean() / 6
    for upper, lower in ((LEFT_UPPER_LID, LEFT_LOWER_LID), (RIGHT_UPPER_LID, RIGHT_LOWER_LID)):
        for a, b in zip(upper[1:-1], lower[1:-1], strict=True):
            stitched[[a, b], [a, b]] += LID_STITCH * edge
            stitched[[a, b], [b, a]] -= LID_STITCH * edge
    count = len(laplacian)
    owner = np.arange(count)
    owner[list(LOWER_LIP[3][1:-1])] = UPPER_LIP[3][1:-1]
    kept, merged = np.unique(owner, return_inverse=True)
    gather = np.zeros((count, len(kept)))
    gather[np.arange(count), merged] = 1
    values, functions = np.linalg.eigh(gather.T @ stitched @ gather)
    functions = (gather @ functions)[:, :FUNCTIONS]
    functions *= orientation(functions)
    return values[:FUNCTIONS], functions / np.sqrt((functions**2).mean(0))


def orientation(columns: np.ndarray) -> np.ndarray:
    """Signs (K,) that fix the arbitrary orientation of eigenvectors (N, K), whatever library computed them.

    A weighting that treats no two entries alike: the largest entry would not do, symmetric vectors have two.
    """
    return np.sign(np.cos(np.arange(len(columns)) ** 1.5) @ columns)


def energy_between(deviations: np.ndarray, functions: np.ndarray) -> np.ndarray:
    """Variance (60, 3) of people's deviations (P, V, 3) from their mean along each function and axis."""
    along = np.einsum("pvc,vk->pkc", deviations, functions) / len(functions)
    return (along**2).sum(0) / (len(deviations) - 1)


def identity_basis(laplacian: np.ndarray, mirror: np.ndarray, energy: np.ndarray) -> np.ndarray:
    """Basis (V, 3, 80) in decimetres per standard deviation.

    A function that is even in x deforms symmetrically along y and z and antisymmetrically along x, and the
    other way round for an odd one.

    Args:
        laplacian: (V, V) symmetric.
        mirror: (V,) permutation.
        energy: (60, 3) variance between people in decimetres squared, from `energy_between`.
    """
    values, functions = smooth_functions(laplacian)
    even = np.abs(functions[mirror] - functions).max(0) < np.abs(functions[mirror] + functions).max(0)
    spread = fitted_spread(values, energy)
    found: dict[bool, list[np.ndarray]] = {True: [], False: []}
    for k in range(1, FUNCTIONS):  # function 0 moves the whole head, which the pose already does
        for axis in range(3):
            symmetric = bool(even[k]) != (axis == 0)
            field = np.zeros((len(functions), 3))
            field[:, axis] = functions[:, k]
            opposite = field[mirror] * (-1, 1, 1)
            field = (field + opposite) / 2 if symmetric else (field - opposite) / 2
            found[symmetric].append(field * spread[k, axis] * (1.0 if symmetric else ASYMMETRY))
    return np.stack(found[True][: SIZE - ANTISYMMETRIC] + found[False][:ANTISYMMETRIC], -1)


def fitted_spread(values: np.ndarray, energy: np.ndarray) -> np.ndarray:
    """Standard deviation (60, 3) of each function: a power law through the measured energies, per axis.

    A handful of people cannot measure 180 variances, but their trend with smoothness they can.
    """
    used = slice(1, FUNCTIONS)
    law = [np.polyfit(np.log(values[used] / values[1]), np.log(energy[used, axis]), 1) for axis in range(3)]
    x = np.log(np.maximum(values, values[1]) / values[1])
    trend = np.stack([np.polyval(line, x) for line in law], -1)
    # The mean of a logarithm of few squares lies below the logarithm of their mean: keep the total energy.
    return np.sqrt(np.exp(trend) * energy[used].sum(0) / np.exp(trend)[used].sum(0))
