"""What an expression costs."""

import pytest
import torch

from face3dmm import ARKIT_NAMES
from face3dmm.expression_prior import ExpressionPrior

PRIOR = ExpressionPrior(below_zero=0.1, above_one=0.2, spread=2.0)


def cost(name: str, value: float) -> float:
    expression = torch.zeros(1, 64)
    expression[0, ARKIT_NAMES.index(name)] = value
    return float(PRIOR.energy(expression))


def test_energy_by_hand() -> None:
    assert cost("jawOpen", 0.0) == 0
    assert cost("jawOpen", 1.0) == pytest.approx(0.5 * (1 / 2) ** 2)
    assert cost("jawOpen", 1.4) == pytest.approx(0.5 * ((1.4 / 2) ** 2 + (0.4 / 0.2) ** 2))
    assert cost("jawOpen", -0.3) == pytest.approx(0.5 * ((0.3 / 2) ** 2 + (0.3 / 0.1) ** 2))


def test_residuals_may_have_either_sign() -> None:
    expression = torch.zeros(2, 64)
    expression[0, 60], expression[1, 60] = 1.5, -1.5
    energy = PRIOR.energy(expression)
    assert energy[0] == energy[1] == pytest.approx(0.5 * (1.5 / (2 * 0.85)) ** 2)  # tighter beside names


def test_what_landmarks_cannot_tell_costs_more() -> None:
    assert cost("tongueOut", 0.5) > cost("cheekPuff", 0.5) > cost("jawOpen", 0.5)


def test_derivatives() -> None:
    expression = (2 * torch.randn(5, 64, generator=torch.Generator().manual_seed(0))).double()
    prior = ExpressionPrior(0.03, 0.1)
    prior._base = prior._base.double()
    leaf = expression.clone().requires_grad_()
    (slope,) = torch.autograd.grad(prior.energy(leaf).sum(), leaf, create_graph=True)
    (curve,) = torch.autograd.grad(slope.sum(), leaf)
    got_slope, got_curve = prior(expression)
    torch.testing.assert_close(got_slope, slope.detach())
    torch.testing.assert_close(got_curve, curve)
