"""The judge of gradients can say no."""

import pytest
import torch

from agreement import assert_same

WANTED = torch.tensor([0.0, 0.0, 1.0, -2.0, 3.0])


def test_accepts_rounding() -> None:
    assert_same("grad_x", WANTED * (1 + 1e-7), WANTED, 1e-6)


@pytest.mark.parametrize(
    ("got", "said"),
    [
        (WANTED * 1.1, "off by"),
        (WANTED + torch.tensor([0.01, 0, 0, 0, 0]), "off by"),
        (torch.zeros(5), "off by"),
    ],
)
def test_refuses_a_wrong_value(got: torch.Tensor, said: str) -> None:
    with pytest.raises(AssertionError, match=said):
        assert_same("grad_x", got, WANTED, 1e-3)


def test_refuses_a_missing_gradient_that_is_small() -> None:
    wanted = torch.tensor([1.0, 0.02])
    with pytest.raises(AssertionError, match=r"off by|zero where"):
        assert_same("grad_x", torch.tensor([1.0, 0.0]), wanted, 0.015)
