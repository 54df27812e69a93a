"""Exact solutions of the two linear systems of the fit: an arrow (shared identity), a chain (smooth pose)."""

import numpy as np
import torch
from torch import Tensor

_CHUNK = 64  # frames solved at once: about what a cache holds


def solve_arrow(
    frame: Tensor, cross: Tensor, shared: Tensor, by_frame: Tensor, by_shared: Tensor
) -> tuple[Tensor, Tensor]:
    """Solve [[frame, cross], [cross^T, shared]] step = -gradient by the Schur complement of the frame blocks.

    Args:
        frame: (T, P, P) positive definite blocks, one per frame.
        cross: (T, P, S).
        shared: (S, S).
        by_frame: (T, P) gradient.
        by_shared: (S,) gradient.

    Returns:
        Steps (T, P) and (S,).
    """
    factor = torch.linalg.cholesky(frame)
    solved = torch.cholesky_solve(torch.cat([cross, by_frame.unsqueeze(-1)], -1), factor)
    inner, own = solved[..., :-1], solved[..., -1]
    flat = cross.flatten(0, 1)
    complement = shared - flat.T @ inner.flatten(0, 1)
    right = flat.T @ own.flatten() - by_shared
    step = torch.cholesky_solve(right.unsqueeze(-1), torch.linalg.cholesky(complement)).squeeze(-1)
    return -own - inner @ step, step


def solve_chain(frame: Tensor, by_frame: Tensor, chained: Tensor, stiffness: Tensor) -> Tensor:
    """Solve per-frame blocks whose first unknowns have a penalty on second differences in time.

    Minimises step^T frame step / 2 + by_frame^T step + sum_i stiffness_i |D (chained + step)_i|^2 / 2
    exactly: the other unknowns are eliminated per frame, what is left is a banded system.

    Args:
        frame: (T, P, P) positive definite.
        by_frame: (T, P) gradient without the penalty.
        chained: (T, K) present values of the first K unknowns.
        stiffness: (K,) weights, >= 0.

    Returns:
        Steps (T, P).
    """
    from scipy.linalg import solveh_banded

    count, size = chained.shape
    parts = [slice(start, start + _CHUNK) for start in range(0, count, _CHUNK)]
    solved = [_eliminated(frame[part], by_frame[part], size) for part in parts]
    blocks, right = (torch.cat(column) for column in list(zip(*solved, strict=True))[2:])
    second = _second_differences(count).double()  # rows of D^T D as diagonals 0, 1, 2
    band = torch.zeros(
        2 * size + 1, count, size, dtype=torch.float64
    )  # band[k, t, i] = A[tK + i + k, tK + i]
    for offset in range(size):
        band[offset, :, : size - offset] = blocks.diagonal(-offset, 1, 2)
    for distance in range(3):
        band[distance * size, :] += second[distance].unsqueeze(-1) * stiffness.double()
    penalty = stiffness * apply_second_differences(chained)
    solution = solveh_banded(
        band.flatten(1).numpy(), -(right + penalty).double().flatten().numpy(), lower=True
    )
    step = torch.from_numpy(solution).to(frame.dtype).unflatten(0, (count, size))
    others = []
    for part, (factor, halfway, *_) in zip(parts, solved, strict=True):
        back = halfway[..., :size] @ step[part].unsqueeze(-1) + halfway[..., size:]
        others.append(torch.linalg.solve_triangular(factor.transpose(1, 2), -back, upper=True).squeeze(-1))
    return torch.cat([step, torch.cat(others)], 1)


def _eliminated(frame: Tensor, by_frame: Tensor, size: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Eliminate all but the first `size` unknowns of each block.

    Returns:
        Cholesky factor L of the others (T, R, R), R = P - size; L^-1 (coupling, gradient) (T, R, size + 1);
        blocks and gradient of what is left (T, size, size), (T, size).
    """
    rest = np.linalg.cholesky(frame[:, size:, size:].numpy())  # its loop over small matrices beats torch's
    factor, coupling = torch.from_numpy(rest), frame[:, size:, :size]
    both = torch.cat([coupling, by_frame[:, size:].unsqueeze(-1)], -1)
    halfway = torch.linalg.solve_triangular(factor, both, upper=False)
    left = halfway[..., :size].transpose(1, 2) @ halfway
    return factor, halfway, frame[:, :size, :size] - left[..., :size], by_frame[:, :size] - left[..., size]


def apply_second_differences(values: Tensor) -> Tensor:
    """D^T D values (T, K), with D the second difference in time."""
    if len(values) < 3:
        return torch.zeros_like(values)
    second = values[:-2] - 2 * values[1:-1] + values[2:]
    out = torch.zeros_like(values)
    out[:-2] += second
    out[1:-1] -= 2 * second
    out[2:] += second
    return out


def _second_differences(count: int) -> Tensor:
    """Diagonals 0, 1 and 2 of D^T D, (3, count)."""
    diagonals = torch.zeros(3, count)
    if count >= 3:
        for first, value in ((0, 1.0), (1, -2.0), (2, 1.0)):
            diagonals[0, first : count - 2 + first] += value**2
        diagonals[1, : count - 2] += -2.0
        diagonals[1, 1 : count - 1] += -2.0
        diagonals[2, : count - 2] += 1.0
    return diagonals
