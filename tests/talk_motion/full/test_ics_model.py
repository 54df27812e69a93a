"""Motion is drawn for every length and prompt, with as many passes as told, and style strength is linear."""

import pytest
import torch

from talk_motion.full.config import FullSampling
from talk_motion.full.ics_model import STILL, InContextModel, StylePrompt
from talk_motion.full.ics_network import InContextNetwork


@pytest.fixture
def model(network: InContextNetwork) -> InContextModel:
    return InContextModel(network)


@pytest.fixture
def prompt(make_speech) -> StylePrompt:
    return StylePrompt(torch.randn(9, 6, generator=torch.Generator().manual_seed(5)), make_speech(9, seed=5))


def test_the_network_runs_as_often_as_told(model, prompt, make_speech):
    rows = []
    model.network.register_forward_hook(lambda module, args, answer: rows.append(len(args[0])))
    model.sample(make_speech(7), prompt, FullSampling.published())
    assert (len(rows), sum(rows)) == (38, 76)
    rows.clear()
    model.sample(make_speech(7), prompt)
    assert sum(rows) == FullSampling().passes == 8
    rows.clear()
    model.sample(make_speech(7), prompt, FullSampling(3, "euler", style_strength=1))
    assert sum(rows) == 3


@pytest.mark.parametrize("frames", [1, 2, 7])
@pytest.mark.parametrize("length", [0, 1, 150])
def test_any_length_of_speech_and_prompt(model, make_speech, frames, length):
    prompt = StylePrompt(torch.ones(length, 6), make_speech(length, 3)) if length else None
    motion = model.sample(make_speech(frames), prompt)
    assert motion.shape == (frames, 6)
    assert torch.isfinite(motion).all()
    assert torch.equal(motion, model.sample(make_speech(frames), prompt))
    assert not torch.equal(motion, model.sample(make_speech(frames), prompt, seed=1))


def test_guidance_is_linear_in_the_strength(model, prompt, make_speech):
    """One Euler step is noise plus velocity, and the velocity v0 + s (v1 - v0)."""
    drawn = [
        model.sample(make_speech(7), prompt, FullSampling(1, "euler", style_strength=strength))
        for strength in (0, 1, 2)
    ]
    torch.testing.assert_close(drawn[2] - drawn[1], drawn[1] - drawn[0], rtol=1e-3, atol=1e-5)
    assert (drawn[1] - drawn[0]).abs().max() > 1e-3


def test_strength_zero_drops_the_prompts_motion_and_keeps_its_sound(model, prompt, make_speech):
    nothing = FullSampling(style_strength=0)
    drawn = model.sample(make_speech(7), prompt, nothing)
    other_motion = StylePrompt(-prompt.motion, prompt.speech)
    torch.testing.assert_close(model.sample(make_speech(7), other_motion, nothing), drawn)
    other_sound = StylePrompt(prompt.motion, make_speech(9, seed=6))
    assert (model.sample(make_speech(7), other_sound, nothing) - drawn).abs().max() > 1e-4


def test_without_a_prompt_an_untrained_null_token_needs_no_second_branch(model, make_speech):
    rows = []
    model.network.no_prompt.data.zero_()
    model.network.register_forward_hook(lambda module, args, answer: rows.append(len(args[0])))
    drawn = model.sample(make_speech(7))
    assert sum(rows) == 4
    torch.testing.assert_close(drawn, model.sample(make_speech(7), None, FullSampling(style_strength=3)))


def test_temperature_scales_the_noise(model, prompt, make_speech):
    mean = model.sample(make_speech(7), prompt, FullSampling(temperature=0))
    torch.testing.assert_close(
        mean, model.sample(make_speech(7), prompt, FullSampling(temperature=0), seed=4)
    )
    noise = torch.randn(7, 6, generator=torch.Generator().manual_seed(2))
    warm = model.sample(make_speech(7), prompt, FullSampling(temperature=0.6), noise=noise)
    scaled = model.sample(make_speech(7), prompt, FullSampling(temperature=0.3), noise=2 * noise)
    torch.testing.assert_close(warm, scaled)
    assert (warm - mean).abs().max() > 1e-2


def test_a_still_face_is_a_prompt_without_sound(model, make_speech):
    face = torch.arange(6.0)
    prompt = StylePrompt.still(face)
    assert prompt.motion.shape == (STILL, 6)
    assert torch.equal(prompt.motion[7], face)
    assert model.sample(make_speech(3), prompt).shape == (3, 6)


def test_prompts_that_do_not_fit_are_refused(make_speech):
    with pytest.raises(ValueError, match="9 frames, its sound 8"):
        StylePrompt(torch.zeros(9, 6), make_speech(8))
    with pytest.raises(ValueError, match="shape"):
        StylePrompt(torch.zeros(0, 6))
