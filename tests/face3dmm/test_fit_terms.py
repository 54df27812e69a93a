"""Derivatives of the landmark terms against automatic differentiation."""

import dataclasses

import pytest
import torch
from torch import Tensor

from face3dmm import FaceModel
from face3dmm.fit_terms import POINTS, LandmarkTerms, Unknowns, point_weights
from face3dmm.landmarks import INNER_LIP_PAIRS, LEFT_LID_PAIRS, LIPS, RIGHT_LID_PAIRS

FRAMES = 3
PAIRS = INNER_LIP_PAIRS + RIGHT_LID_PAIRS + LEFT_LID_PAIRS


@pytest.fixture(scope="module")
def model() -> FaceModel:
    single = FaceModel.open_face()
    return dataclasses.replace(
        single,
        **{
            field.name: getattr(single, field.name).double()
            for field in dataclasses.fields(single)
            if getattr(single, field.name).is_floating_point()
        },
    )


@pytest.fixture(scope="module")
def case(model: FaceModel) -> tuple[LandmarkTerms, Unknowns, Tensor]:
    draw = torch.Generator().manual_seed(1)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=draw, dtype=torch.float64)

    def uniform(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=draw, dtype=torch.float64)

    count = len(POINTS)
    terms = LandmarkTerms.of(model, 0.5 + 0.1 * normal(FRAMES, count, 2), uniform(FRAMES, count), 1.5)
    at = Unknowns(0.3 * normal(FRAMES, 6), 0.3 * normal(FRAMES, 64), normal(80))
    return terms, at, uniform(FRAMES, count)


def unpacked(flat: Tensor) -> Unknowns:
    """Per frame unknowns (3 x 70), identity, and a depth that all frames share."""
    frames = flat[: FRAMES * 70].unflatten(0, (FRAMES, 70))
    pose = torch.cat([frames[:, :5], frames[:, 5:6] + flat[-1]], 1)
    return Unknowns(pose, frames[:, 6:], flat[FRAMES * 70 : -1])


def packed(at: Unknowns) -> Tensor:
    return torch.cat(
        [torch.cat([at.pose, at.expression], 1).flatten(), at.identity, at.identity.new_zeros(1)]
    )


def test_projection_is_the_one_of_the_conventions(model: FaceModel) -> None:
    at = Unknowns(
        torch.tensor([[0.0, 0, 0, 0.1, 0.2, -3]]).double(),
        torch.zeros(1, 64).double(),
        torch.zeros(80).double(),
    )
    targets = torch.zeros(1, len(POINTS), 2).double()
    terms = LandmarkTerms.of(model, targets, torch.ones(1, len(POINTS)).double(), 1.0)
    x, y, z = (model.mean[model.landmarks_468[list(POINTS)]] + torch.tensor([0.1, 0.2, -3])).unbind(1)
    u, v = 0.5 + 4.2647 * x / (10 - z), 0.5 - 4.2647 * y / (10 - z)
    torch.testing.assert_close(terms.project(at).residual[0], torch.stack([u, v]))


def test_gradient(case: tuple[LandmarkTerms, Unknowns, Tensor]) -> None:
    terms, at, robust = case
    flat = packed(at).requires_grad_()
    (wanted,) = torch.autograd.grad(terms.energy(terms.project(unpacked(flat)), robust).sum(), flat)
    by_frame, by_shared = terms.gradient(terms.project(at), robust)
    torch.testing.assert_close(torch.cat([by_frame.flatten(), by_shared]), wanted)


def test_normal_equations_are_the_product_of_the_jacobian(
    case: tuple[LandmarkTerms, Unknowns, Tensor],
) -> None:
    """For weighted least squares, J^T J is the Gauss-Newton part of the energy's second derivative."""
    terms, at, robust = case
    upper, lower = ([POINTS.index(pair[side]) for pair in PAIRS] for side in range(2))

    def rows(flat: Tensor) -> Tensor:
        residual = terms.project(unpacked(flat)).residual.transpose(1, 2)
        both = terms.weights * robust
        gap_weights = 1.5 * torch.minimum(both[:, upper], both[:, lower])
        gaps = (residual[:, upper] - residual[:, lower]) * gap_weights.sqrt().unsqueeze(-1)
        return torch.cat([(residual * both.sqrt().unsqueeze(-1)).flatten(), gaps.flatten()])

    jacobian = torch.autograd.functional.jacobian(rows, packed(at))
    wanted = jacobian.T @ jacobian
    normal = terms.normal(terms.project(at), robust, shared=True)
    for frame in range(FRAMES):
        own = slice(frame * 70, frame * 70 + 70)
        torch.testing.assert_close(normal.frame[frame], wanted[own, own])
        torch.testing.assert_close(normal.cross[frame], wanted[own, FRAMES * 70 :])
    torch.testing.assert_close(normal.shared, wanted[FRAMES * 70 :, FRAMES * 70 :])
    torch.testing.assert_close(terms.normal(terms.project(at), robust, shared=False).frame, normal.frame)


def test_robust_factors_by_hand(model: FaceModel) -> None:
    at = Unknowns(torch.zeros(1, 6).double(), torch.zeros(1, 64).double(), torch.zeros(80).double())
    terms = LandmarkTerms.of(
        model, torch.zeros(1, len(POINTS), 2).double(), torch.ones(1, len(POINTS)).double(), 1.0
    )
    seen = terms.project(at).residual
    exact = dataclasses.replace(terms, targets=seen + torch.tensor([[0.03], [0.04]]))  # 0.05 away each
    torch.testing.assert_close(
        exact.robust(exact.project(at), 0.05), torch.full((1, len(POINTS)), 0.5).double()
    )


def test_point_weights() -> None:
    weights = point_weights(5.0, 20.0, 3.0, 1.0)
    assert all(weights[POINTS.index(point)] == 5 for point in LIPS)
    assert all(weights[POINTS.index(u)] == 20 and weights[POINTS.index(w)] == 3 for u, w in RIGHT_LID_PAIRS)
    assert weights[POINTS.index(152)] == 1
