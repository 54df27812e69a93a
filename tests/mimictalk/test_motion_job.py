"""Speech to a file of face motion, through the command."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from face3dmm.live_link import read_live_link
from face3dmm.motion_json import read_motion_json, read_motion_npz
from mimictalk.errors import InputError
from mimictalk.motion_job import MotionSettings
from talk_motion import MotionSequence
from talk_motion.visemes import Visemes

SECONDS = 3


@pytest.fixture
def speech(here, write_wav):
    times = np.arange(SECONDS * 16000) / 16000
    buzz = sum(np.sin(2 * np.pi * 120 * k * times) / k for k in range(1, 12))
    return write_wav(here / "a.wav", (0.1 * buzz * (np.sin(2 * np.pi * 4 * times) > 0))[:, None], 16000)


def test_every_form_holds_the_whole_speech(cli, here, speech):
    found = {}
    for name in ("a.csv", "a.json", "a.npz", "a.safetensors", "a.visemes.json"):
        ran = cli("motion", "a.wav", "-o", name, "--json", "--seed", "1")
        assert ran.code == 0, ran.err
        assert (ran.json["file"], ran.json["frames"], ran.json["seconds"]) == (name, 75, SECONDS)
    whole = MotionSequence.load(here / "a.safetensors")
    for found in (read_motion_json(here / "a.json").coeffs, read_motion_npz(here / "a.npz").coeffs):
        assert torch.equal(found.expression, whole.expression)
        assert torch.equal(found.euler, whole.euler)
    assert len(read_live_link(here / "a.csv")) == 75
    weights = Visemes.load(here / "a.visemes.json").weights
    torch.testing.assert_close(weights.sum(dim=1), torch.ones(75), rtol=0, atol=1e-3)


def test_options_mean_what_they_mean_in_render(cli, here, speech, monkeypatch):
    sway = torch.linspace(-0.1, 0.1, 10)[:, None].expand(-1, 3)
    track = SimpleNamespace(coeffs=SimpleNamespace(euler=sway, translation=2 * sway), warnings=["dark"])
    monkeypatch.setattr("mimictalk.motion_job.track_for", lambda *_: track)
    (here / "nod.mp4").write_bytes(b"x")

    def motion(*options):
        ran = cli("motion", "a.wav", "-o", "b.safetensors", *options)
        assert ran.code == 0, ran.err
        return MotionSequence.load(here / "b.safetensors")

    still = motion("--pose", "static", "--blink", "none")
    assert still.blink.max() == 0
    assert still.euler.std(dim=0).max() < 1e-6
    nodding = motion("--pose", "nod.mp4")
    assert torch.equal(nodding.euler[:10], sway)
    calm, wild = (motion("--temperature", str(t)) for t in (0, 1))
    assert (calm.expression - wild.expression).abs().max() > 0.01


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"style_strength": 5.0}, "--style-strength: 5 is out of range"),
        ({"temperature": -1.0}, "--temperature: -1 is out of range"),
        ({"seed": -1}, "--seed: -1 is out of range"),
        ({"pose": "wild"}, "neither a way to move nor a clip"),
    ],
)
def test_settings_out_of_range_are_refused(here, options, words):
    with pytest.raises(InputError, match=words):
        MotionSettings(audio=here / "a.wav", **options)
