"""Saving, loading, and sampling with prompts and in windows."""

import json
from pathlib import Path

import pytest
import torch

from talk_motion import InputError, MotionModel, SamplingConfig


def sound_and_noise(frames: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(2 * frames, 67, generator=generator), torch.randn(frames, 6, generator=generator)


def test_saved_weights_load_to_the_same_motion(model: MotionModel, tmp_path: Path) -> None:
    model.save(tmp_path / "m.safetensors", seed=3)
    again = MotionModel.from_pretrained(tmp_path / "m.safetensors")
    assert again.card["seed"] == 3
    audio, noise = sound_and_noise(30)
    # Weights are stored as float16: relative error 0.0005 each.
    torch.testing.assert_close(
        again.sample(audio, noise, steps=2), model.sample(audio, noise, steps=2), rtol=0.02, atol=0.02
    )


def test_a_flipped_bit_is_noticed(model: MotionModel, tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    model.save(path)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(InputError, match="sha256"):
        MotionModel.from_pretrained(path)
    with pytest.raises(InputError, match="no such weights"):
        MotionModel.from_pretrained(tmp_path / "other.safetensors")


def test_sampling_is_deterministic_and_listens_to_sound_and_prompt(model: MotionModel) -> None:
    audio, noise = sound_and_noise(40)
    style, motion = sound_and_noise(25, seed=1)
    drawn = model.sample(audio, noise, (style, motion))
    torch.testing.assert_close(drawn, model.sample(audio, noise, (style, motion)), rtol=0, atol=0)
    for other in (
        model.sample(audio + 0.3, noise, (style, motion)),
        model.sample(audio, noise, (style, motion + 1)),
        model.sample(audio, noise + 0.1, (style, motion)),
    ):
        assert (drawn - other).abs().max() > 1e-3


def test_style_strength_goes_from_no_prompt_through_the_prompt_and_beyond(model: MotionModel) -> None:
    audio, noise = sound_and_noise(40)
    prompt = sound_and_noise(25, seed=1)
    plain = model.sample(audio, noise, steps=1)
    torch.testing.assert_close(model.sample(audio, noise, prompt, steps=1, style_strength=0.0), plain)
    once = model.sample(audio, noise, prompt, steps=1)
    twice = model.sample(audio, noise, prompt, steps=1, style_strength=2.0)
    torch.testing.assert_close(twice, plain + 2 * (once - plain), rtol=1e-4, atol=1e-4)


def test_windows_do_not_read_far_sound_and_leave_no_seam(model: MotionModel) -> None:
    audio, noise = sound_and_noise(300)
    sampling = SamplingConfig(window=60, overlap=20)
    drawn = model.sample(audio, 0 * noise, steps=1, sampling=sampling)
    far = audio.clone()
    far[500:] += 1.0  # heard from frame 233 on, so by the windows that begin at 200 and 240
    moved = (model.sample(far, 0 * noise, steps=1, sampling=sampling) - drawn).abs().amax(dim=1)
    assert moved[:200].max() == 0
    assert moved[255:].max() > 1e-3
    # Constant sound: whatever the windows are, speed at their borders is not above the usual.
    steady = model.sample(torch.zeros(600, 67), 0 * noise, steps=2, sampling=sampling)
    speed = steady.diff(dim=0).abs().amax(dim=1)
    inner = speed[30:270]
    assert inner.max() <= 0.2 * steady.abs().max() + 1e-3


def test_settings_are_checked() -> None:
    with pytest.raises(ValueError, match="overlap"):
        SamplingConfig(window=50, overlap=50)
    with pytest.raises(ValueError, match="prompt"):
        SamplingConfig(prompt=0)


def test_embedded_weights_have_a_card() -> None:
    model = MotionModel.from_pretrained("small")
    assert model.space.channels == model.network.config.motion
    for key in ("seed", "settings", "chosen_step", "scores", "parameters"):
        assert key in model.card
    assert json.dumps(model.card)
