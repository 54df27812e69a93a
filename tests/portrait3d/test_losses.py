import math

import pytest
import torch

from portrait3d.losses import (
    alpha_loss,
    energy_loss,
    entropy_loss,
    laplacian_bands,
    pyramid_loss,
    second_difference,
    square_round,
    total_variation,
    weighted_l1,
)


def test_bands_of_a_flat_picture_are_empty() -> None:
    for band in laplacian_bands(torch.full((1, 3, 32, 32), 0.7), 3):
        assert float(band.abs().max()) < 1e-6


def test_the_finest_band_of_a_checkerboard_is_the_checkerboard() -> None:
    rows, columns = torch.meshgrid(torch.arange(16), torch.arange(16), indexing="ij")
    board = ((rows + columns) % 2 * 2.0 - 1)[None, None]  # 2 x 2 means are zero
    fine, coarse = laplacian_bands(board, 2)
    assert torch.equal(fine, board)
    assert float(coarse.abs().max()) == 0.0


def test_weighted_l1_counts_only_where_weighted() -> None:
    a, b = torch.zeros(1, 3, 4, 4), torch.zeros(1, 3, 4, 4)
    b[..., :2] = 1.0
    weight = torch.zeros(1, 1, 4, 4)
    weight[..., :1] = 2.0
    assert float(weighted_l1(a, b)) == pytest.approx(0.5)
    assert float(weighted_l1(a, b, weight)) == pytest.approx(1.0)


def test_energy_ignores_phase_where_pyramid_does_not() -> None:
    generator = torch.Generator().manual_seed(0)
    noise = torch.rand(1, 3, 64, 64, generator=generator)
    other = torch.rand(1, 3, 64, 64, generator=generator)
    flat = torch.full_like(noise, 0.5)
    assert float(energy_loss(noise, other)) < 0.3 * float(energy_loss(noise, flat))
    assert float(pyramid_loss(noise, other)) > float(pyramid_loss(noise, flat))


def test_detail_that_energy_asks_for_is_grey() -> None:
    grey = torch.rand(1, 1, 32, 32, generator=torch.Generator().manual_seed(0)).expand(-1, 3, -1, -1)
    flat = (grey * 0.3).requires_grad_()
    (slope,) = torch.autograd.grad(energy_loss(flat, grey), flat)
    assert slope.abs().max() > 0
    torch.testing.assert_close(slope[:, 0], slope[:, 1])
    torch.testing.assert_close(slope[:, 2], slope[:, 1])


def test_alpha_and_entropy() -> None:
    assert float(alpha_loss(torch.tensor([0.25]), torch.tensor([1.0]))) == 0.75
    assert float(entropy_loss(torch.tensor([0.5]))) == pytest.approx(math.log(2))
    assert float(entropy_loss(torch.tensor([0.0, 1.0]))) < 2e-3


def test_total_variation_of_a_ramp_is_its_slope() -> None:
    ramp = torch.arange(8.0).expand(1, 8, 8)
    assert float(total_variation(ramp)) == pytest.approx(1.0)


def test_the_gradient_of_total_variation_is_that_of_its_differences() -> None:
    planes = torch.randn(2, 3, 5, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    planes.requires_grad_(True)
    rows, columns = planes[..., 1:, :] - planes[..., :-1, :], planes[..., 1:] - planes[..., :-1]
    (wanted,) = torch.autograd.grad(3 * (rows.abs().mean() + columns.abs().mean()), planes)
    (found,) = torch.autograd.grad(3 * total_variation(planes), planes)
    assert torch.allclose(found, wanted, atol=1e-15)
    assert torch.autograd.gradcheck(total_variation, planes)


def test_second_difference_of_even_motion_is_nothing() -> None:
    time = torch.arange(5.0).reshape(5, 1, 1)
    way = torch.tensor([[1.0, -2.0]])
    assert float(second_difference(3 + time * way)) == pytest.approx(0, abs=1e-6)
    assert float(second_difference(time.square() * torch.ones(1, 2))) == pytest.approx(2.0)


def test_square_round_a_point() -> None:
    square = square_round(torch.tensor([0.25, 0.75]), torch.tensor(0.1), 100)[0, 0]
    rows, columns = torch.nonzero(square).unbind(1)
    assert (int(columns.min()), int(columns.max())) == (15, 34)
    assert (int(rows.min()), int(rows.max())) == (65, 84)
