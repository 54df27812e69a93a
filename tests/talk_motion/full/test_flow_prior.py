"""The prior's flow can be undone, keeps volume, and starts as the identity but for the order of channels."""

import torch

from talk_motion.full.flow_prior import FlowPrior


def make_prior(alive: bool) -> FlowPrior:
    torch.manual_seed(0)
    prior = FlowPrior(4, 8, 3, 2, 3, 5)
    if alive:
        with torch.no_grad():
            for parameter in prior.parameters():
                parameter.add_(0.3 * torch.randn_like(parameter))
    return prior.double()


def test_it_is_undone():
    prior = make_prior(alive=True)
    latent, condition = torch.randn(2, 4, 6, dtype=torch.float64), torch.randn(2, 5, 6, dtype=torch.float64)
    noise = prior.to_noise(latent, condition)
    assert (noise - latent).abs().max() > 0.1
    torch.testing.assert_close(prior.to_latent(noise, condition), latent)
    valid = torch.ones(2, 1, 6, dtype=torch.float64)
    valid[1, :, 4:] = 0
    masked = latent * valid
    torch.testing.assert_close(
        prior.to_latent(prior.to_noise(masked, condition, valid), condition, valid), masked
    )


def test_it_keeps_volume():
    prior = make_prior(alive=True)
    condition = torch.randn(1, 5, 3, dtype=torch.float64)

    def flat(x):
        return prior.to_noise(x.reshape(1, 4, 3), condition).flatten()

    jacobian = torch.autograd.functional.jacobian(flat, torch.randn(12, dtype=torch.float64))
    torch.testing.assert_close(jacobian.det().abs(), torch.tensor(1.0, dtype=torch.float64))


def test_before_training_it_only_reverses_channels():
    prior = make_prior(alive=False)
    latent = torch.randn(1, 4, 6, dtype=torch.float64)
    found = prior.to_noise(latent, torch.randn(1, 5, 6, dtype=torch.float64))
    torch.testing.assert_close(found, latent.flip(1))  # three reversals
