"""Every term against the formula it stands for."""

import pytest
import torch

from talk_motion.full.vae import Coded
from talk_motion.full.vae_losses import LIPS, LandmarkBasis, VaeLossWeights, divergence, vae_losses


def coded_of(mean: torch.Tensor, log_deviation: torch.Tensor, draw: torch.Tensor) -> Coded:
    """Of a posterior under a standard normal prior."""
    latent = mean + draw * log_deviation.exp()
    return Coded(latent, mean, log_deviation, latent, torch.ones(mean.shape[0], 1, mean.shape[2]))


def test_divergence_is_that_of_two_normals():
    """Mean over many draws beside (m^2 + s^2 - 1) / 2 - log s (Kingma and Welling 2014, appendix B)."""
    generator = torch.Generator().manual_seed(0)
    mean = torch.tensor([0.5, -1.0]).reshape(1, 2, 1).expand(1, 2, 40000)
    log_deviation = torch.tensor([-0.7, 0.2]).reshape(1, 2, 1).expand_as(mean)
    drawn = coded_of(mean, log_deviation, torch.randn(mean.shape, generator=generator))
    exact = (0.5 * (mean.square() + (2 * log_deviation).exp() - 1) - log_deviation)[0, :, 0].mean()
    assert divergence(drawn).item() == pytest.approx(exact.item(), abs=0.03)


def test_divergence_counts_no_padding():
    coded = coded_of(torch.ones(1, 2, 4), torch.zeros(1, 2, 4), torch.ones(1, 2, 4))
    whole = divergence(coded)
    latent = torch.cat([coded.latent[..., :3], torch.full((1, 2, 1), 99.0)], dim=2)
    valid = torch.tensor([1.0, 1, 1, 0]).reshape(1, 1, 4)
    spoilt = Coded(latent, coded.mean, coded.log_deviation, latent, valid)
    torch.testing.assert_close(divergence(spoilt), whole)


def test_terms_of_a_parabola():
    frames = torch.arange(6.0)
    found = frames.square().reshape(1, 6, 1)  # second difference 2: bend -1 everywhere inside
    motion = found - 0.5
    valid = torch.tensor([[True, True, True, True, True, False]])
    zeros = torch.zeros(1, 1, 2)
    landmarks = LandmarkBasis(torch.tensor([[[1.0], [0], [0]], [[0], [2.0], [0]]]), torch.tensor([1.0, 5.0]))
    terms = vae_losses(found, motion, coded_of(zeros, zeros, zeros), valid, landmarks)
    assert terms["expression"].item() == pytest.approx(0.25)
    assert terms["laplacian"].item() == pytest.approx(1.0)
    assert terms["size"].item() == pytest.approx((0 + 1 + 16 + 81 + 256) / 5)
    # Landmarks move by 0.5 and 1.0 in one of three coordinates, weights 1 and 5.
    assert terms["landmark"].item() == pytest.approx((1 * 0.25 / 3 + 5 * 1.0 / 3) / 2)
    assert terms["kl"].item() == pytest.approx(0)


def test_a_straight_line_has_no_bend():
    found = torch.arange(7.0).reshape(1, 7, 1)
    zeros = torch.zeros(1, 1, 2)
    terms = vae_losses(found, found, coded_of(zeros, zeros, zeros), torch.ones(1, 7, dtype=torch.bool))
    assert terms["laplacian"].item() == 0
    assert "landmark" not in terms


def test_the_weight_of_the_divergence_rises_again_and_again():
    weights = VaeLossWeights(kl=0.02, kl_rise=2000, kl_hold=2000)
    told = [weights.kl_at(step) for step in (0, 500, 2000, 3999, 4000, 5000)]
    assert told == pytest.approx([0, 0.005, 0.02, 0.02, 0, 0.01])
    total = weights.total({"kl": torch.tensor(2.0), "expression": torch.tensor(3.0)}, 500)
    assert total.item() == pytest.approx(0.005 * 2 + 0.5 * 3)


def test_weights_of_the_mesh():
    basis = LandmarkBasis.of_mesh(torch.zeros(468, 3, 64))
    counts = {value: int((basis.weights == value).sum()) for value in (0.0, 1.0, 3.0, 5.0, 20.0)}
    assert counts == {0.0: 8, 1.0: 468 - 8 - 22 - 40 - 10, 3.0: 22, 5.0: 40, 20.0: 10}
    assert len(set(LIPS)) == 40
    with pytest.raises(ValueError, match="468 .* got 68"):
        LandmarkBasis.of_mesh(torch.zeros(68, 3, 64))


def test_bad_weights_are_refused():
    with pytest.raises(ValueError, match=r"landmark .* -1"):
        VaeLossWeights(landmark=-1)
    with pytest.raises(ValueError, match="kl_rise"):
        VaeLossWeights(kl_rise=0)
