"""Both solvers against the dense system they stand for."""

import pytest
import torch
from torch import Tensor

from face3dmm.fit_solvers import apply_second_differences, solve_arrow, solve_chain

DRAW = torch.Generator().manual_seed(0)


def normal(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=DRAW, dtype=torch.float64)


def positive(count: int, size: int) -> Tensor:
    half = normal(count, size, 2 * size)
    return half @ half.transpose(1, 2) / size + torch.eye(size)


def second_difference_matrix(count: int) -> Tensor:
    matrix = torch.zeros(max(count - 2, 0), count, dtype=torch.float64)
    for row in range(len(matrix)):
        matrix[row, row : row + 3] = torch.tensor([1.0, -2.0, 1.0])
    return matrix


def test_arrow() -> None:
    count, own, common = 4, 5, 3
    wide = positive(1, count * own + common)[0]
    frame = torch.stack([wide[t * own : t * own + own, t * own : t * own + own] for t in range(count)]) * 3
    cross = wide[: count * own, count * own :].unflatten(0, (count, own))
    shared = wide[count * own :, count * own :] * 3
    dense = torch.block_diag(*frame, shared)
    dense[: count * own, count * own :] = cross.flatten(0, 1)
    dense[count * own :, : count * own] = cross.flatten(0, 1).T
    by_frame, by_shared = normal(count, own), normal(common)
    wanted = torch.linalg.solve(dense, -torch.cat([by_frame.flatten(), by_shared]))
    step, common_step = solve_arrow(frame, cross, shared, by_frame, by_shared)
    torch.testing.assert_close(torch.cat([step.flatten(), common_step]), wanted)


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_chain(count: int) -> None:
    own, chained = 5, 2
    frame, gradient, present = positive(count, own), normal(count, own), normal(count, chained)
    stiffness = torch.tensor([3.0, 50.0], dtype=torch.float64)
    second = second_difference_matrix(count)
    smooth = second.T @ second
    dense = torch.block_diag(*frame)
    right = gradient.clone()
    for column in range(chained):
        at = torch.arange(count) * own + column
        dense[at[:, None], at[None]] += stiffness[column] * smooth
        right[:, column] += stiffness[column] * (smooth @ present[:, column])
    wanted = torch.linalg.solve(dense, -right.flatten()).unflatten(0, (count, own))
    torch.testing.assert_close(solve_chain(frame, gradient, present, stiffness), wanted)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 9])
def test_second_differences(count: int) -> None:
    values, second = normal(count, 3), second_difference_matrix(count)
    torch.testing.assert_close(apply_second_differences(values), second.T @ second @ values)


def test_even_motion_costs_nothing() -> None:
    even = torch.arange(6, dtype=torch.float64)[:, None] * torch.tensor([1.0, -2.0])
    torch.testing.assert_close(apply_second_differences(even), torch.zeros_like(even))
