"""The VAE has the published size, speaks for every length, hears its inputs, and learns."""

import math

import pytest
import torch

from published_lists import shapes
from talk_motion.full.config import FlowVaeConfig
from talk_motion.full.speech import Heard
from talk_motion.full.vae import FlowVae
from talk_motion.full.vae_losses import LandmarkBasis, VaeLossWeights, vae_losses


def test_size_is_as_published():
    with torch.device("meta"):
        vae = FlowVae(FlowVaeConfig())
    listed = shapes("audio_to_motion_vae")
    assert len(vae.state_dict()) == len(listed) == 231
    count = sum(p.numel() for p in vae.parameters())
    statistics = ("running_mean", "running_var", "num_batches_tracked")
    assert count == sum(math.prod(s) for name, s in listed.items() if not name.endswith(statistics))
    assert round(count / 1e6, 2) == 11.86


@pytest.mark.parametrize("frames", [1, 3, 4, 9])
def test_any_length(vae, make_speech, frames):
    motion = vae.sample(make_speech(frames))
    assert motion.shape == (frames, 6)
    assert torch.equal(motion, vae.sample(make_speech(frames)))
    assert not torch.equal(motion, vae.sample(make_speech(frames), seed=1))


def test_every_input_is_heard(vae, make_speech):
    speech = make_speech(8)
    plain = vae.sample(speech)
    for options in ({"mouth_opening": 0.9}, {"blink": torch.ones(16)}, {"temperature": 0.8}):
        assert (vae.sample(speech, **options) - plain).abs().max() > 1e-4
    assert (vae.sample(make_speech(8, seed=2)) - plain).abs().max() > 1e-3
    still = vae.sample(speech, temperature=0)
    torch.testing.assert_close(still, vae.sample(speech, temperature=0, seed=7))


def test_what_is_not_told_is_usual(vae, make_speech):
    speech = make_speech(8)
    told = Heard.of(speech, 0.4)
    untold = Heard(told.content, told.pitch)
    torch.testing.assert_close(vae.hearing(untold), vae.hearing(told))


def test_drawing_and_coding_are_inverse(vae, make_speech):
    """The noise that the prior makes of a latent gives that latent back."""
    heard = Heard.of(make_speech(8), 0.4)
    motion = torch.randn(1, 8, 6, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        sound = vae.hearing(heard)
        coded = vae.encode(motion, sound, torch.ones(1, 8, dtype=torch.bool))
        back = vae.prior.to_latent(coded.noise, vae.sound_to_latent(sound))
        torch.testing.assert_close(back, coded.latent, rtol=1e-4, atol=1e-5)


def test_it_learns(vae, make_speech):
    clips = [make_speech(16, seed) for seed in range(3)]
    heard = Heard(torch.stack([c.content for c in clips]), torch.stack([c.pitch for c in clips]))
    motion = heard.content.unflatten(1, (16, 2)).mean(2)[..., :6]
    valid = torch.ones(3, 16, dtype=torch.bool)
    valid[2, 12:] = False
    generator = torch.Generator().manual_seed(0)
    landmarks = LandmarkBasis(torch.randn(10, 3, 6, generator=generator), torch.ones(10))
    weights = VaeLossWeights(kl_rise=10, kl_hold=10)
    vae.train()
    optimizer = torch.optim.Adam(vae.parameters(), lr=2e-2)
    totals = []
    for step in range(40):
        found, coded = vae(heard, motion, valid, generator)
        terms = vae_losses(found, motion, coded, valid, landmarks)
        loss = weights.total(terms, step)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        totals.append(terms["expression"].item())
    assert sum(totals[-10:]) < 0.6 * sum(totals[:10])
    assert set(terms) == {"kl", "expression", "landmark", "laplacian", "size"}
