"""The decoder."""

import math

import pytest
import torch

from triplane_render import DecoderWeights, InputError, decode_reference


def test_by_hand() -> None:
    # One channel, one hidden unit: softplus(0) = ln 2; density 3 ln 2 + 1; feature sigmoid(0) = 1/2, widened.
    weights = (
        torch.tensor([[2.0]]),
        torch.tensor([-2.0]),
        torch.tensor([[3.0], [0.0]]),
        torch.tensor([1.0, 0.0]),
    )
    density, features = decode_reference(DecoderWeights(*weights), torch.tensor([[1.0]]))
    assert density.item() == pytest.approx(3 * math.log(2) + 1)
    assert features.item() == pytest.approx(0.5 * 1.002 - 0.001)
    raw = DecoderWeights(*weights, feature_activation="none")
    assert decode_reference(raw, torch.tensor([[1.0]]))[1].item() == 0.0


def test_what_does_not_chain_is_refused() -> None:
    with pytest.raises(
        InputError, match=r"w1, b1, w2, b2 must be .* got \[\(4, 2\), \(4,\), \(3, 5\), \(3,\)\]"
    ):
        DecoderWeights(torch.zeros(4, 2), torch.zeros(4), torch.zeros(3, 5), torch.zeros(3))
    with pytest.raises(InputError, match="'tanh' is not known"):
        DecoderWeights(
            torch.zeros(4, 2), torch.zeros(4), torch.zeros(3, 4), torch.zeros(3), feature_activation="tanh"
        )
