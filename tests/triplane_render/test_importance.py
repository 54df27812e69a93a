"""Placing further samples."""

import numpy as np
import pytest
import torch

from triplane_render import InputError, importance_depths_reference, sample_pdf


def test_equal_weights_give_equal_steps() -> None:
    bins = torch.linspace(2, 3, 6, dtype=torch.float64)
    got = sample_pdf(bins, torch.ones(5, dtype=torch.float64), 11)
    assert torch.allclose(got, torch.linspace(2, 3, 11, dtype=torch.float64))


def test_as_numpy_inverts_the_integral() -> None:
    draw = torch.Generator().manual_seed(4)
    weights = torch.rand(8, 6, generator=draw, dtype=torch.float64)
    bins = torch.rand(8, 7, generator=draw, dtype=torch.float64).cumsum(-1)
    got = sample_pdf(bins, weights, 20)
    for row in range(8):
        share = (weights[row] + 1e-5).numpy()
        cdf = np.concatenate([[0.0], np.cumsum(share / share.sum())])
        wanted = np.interp(np.linspace(0, 1, 20), cdf, bins[row].numpy())
        assert np.allclose(got[row], wanted)


def test_all_weight_in_one_bin_draws_all_samples_there() -> None:
    weights = torch.tensor([0.0, 0.0, 1.0, 0.0])
    got = sample_pdf(torch.arange(5.0), weights, 50)
    assert int(((got >= 2) & (got <= 3)).sum()) >= 48  # the floor of 1e-5 lets the two ends out


def test_samples_gather_where_light_stops() -> None:
    depths = torch.linspace(0, 1, 21, dtype=torch.float64)
    weights = torch.zeros(20, dtype=torch.float64)
    weights[10] = 1.0  # between 0.50 and 0.55; widened to its neighbours
    got = importance_depths_reference(depths, weights, 40)
    assert bool((got[1:] >= got[:-1]).all())
    assert float(((got > 0.42) & (got < 0.63)).double().mean()) > 0.8
    assert float(got.min()) < 0.1  # and some go everywhere


def test_wrong_input_is_refused() -> None:
    with pytest.raises(InputError, match="one edge more"):
        sample_pdf(torch.zeros(4), torch.zeros(4), 3)
    with pytest.raises(InputError, match="count"):
        sample_pdf(torch.zeros(4), torch.zeros(3), 0)
    with pytest.raises(InputError, match=">= 4"):
        importance_depths_reference(torch.zeros(3), torch.zeros(2), 4)
