"""A person's own way of speaking: learned in `adapt`, kept in the avatar, used by `render`."""

import io
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from mimictalk import adapt_job
from mimictalk.avatar import SPEECH_FILES, Avatar, write_avatar
from mimictalk.console import Console
from mimictalk.errors import AvatarError
from mimictalk.manifest import Manifest
from mimictalk.person_motion import learn_speech, motion_model
from talk_motion import MotionModel, MotionPrompt, MotionSequence, extract_features
from talk_motion.person_tuning import PersonTuning, _state, _with_lora


@pytest.fixture(scope="module")
def small() -> MotionModel:
    return MotionModel.from_pretrained("small")


@pytest.fixture(scope="module")
def tuning(small: MotionModel) -> PersonTuning:
    """A LoRA that changes the last layer."""
    state = _state(_with_lora(small, 2, 4, ["leave"]).network)
    changed = {name: torch.full_like(value, 0.05) for name, value in state.items()}
    return PersonTuning(changed, 2, 4, ("leave",), small.card["sha256"])


@pytest.fixture
def avatar(here, tensors, adapter, prompt, tuning) -> Avatar:
    manifest = Manifest(
        "small", 0, 1, "test", "2026-01-01T00:00:00+00:00", {}, {"name": "a", "sha256": "0" * 64}
    )
    still = np.zeros((8, 8, 3), np.uint8)
    return write_avatar(here / "me", manifest, tensors, adapter, prompt, still, "# me\n", tuning=tuning)


def console() -> Console:
    made = Console(json=False, quiet=False, debug=False)
    made.err = io.StringIO()
    return made


def test_the_avatar_keeps_what_was_learned(avatar, tuning, small) -> None:
    assert set(SPEECH_FILES) <= set(avatar.manifest.files)
    kept = Avatar.load(avatar.path).motion_tuning()
    assert (kept.r, kept.lora_alpha, kept.targets, kept.base) == (2, 4, ("leave",), small.card["sha256"])
    assert all(torch.equal(value, tuning.adapter[name]) for name, value in kept.adapter.items())


def test_an_altered_byte_is_noticed(avatar) -> None:
    path = avatar.path / SPEECH_FILES[1]
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(AvatarError, match="altered while in use"):
        avatar.motion_tuning()
    with pytest.raises(AvatarError, match="sha256"):
        Avatar.load(avatar.path)


def test_render_speaks_with_it(avatar, small) -> None:
    told = console()
    person, nobody = motion_model(avatar, told), motion_model(None, told)
    # A LoRA of two 0.05 columns and rows, scaled by 4 / 2, adds 2 x 2 x 0.05 x 0.05 to every weight.
    wanted = small.network.leave.weight + 0.01
    torch.testing.assert_close(person.network.leave.weight, wanted, rtol=0, atol=1e-6)
    assert torch.equal(nobody.network.leave.weight, small.network.leave.weight)
    assert told.err.getvalue() == ""


def test_another_versions_weights_leave_the_style(tuning, small) -> None:
    told = console()
    other = SimpleNamespace(motion_tuning=lambda: replace(tuning, base="0" * 64))
    assert torch.equal(motion_model(other, told).network.leave.weight, small.network.leave.weight)
    assert "another version's motion model" in told.err.getvalue()
    broken = SimpleNamespace(motion_tuning=lambda: replace(tuning, adapter={}))
    with pytest.raises(AvatarError, match="missing or unknown"):
        motion_model(broken, told)


def test_a_short_clip_is_not_learned(small) -> None:
    sound = extract_features(np.zeros(16000 * 2, np.float32))
    still = torch.zeros(50, 64)
    motion = MotionSequence.from_tracking(still, still[:, :3], still[:, :3], still[:, :2])
    found, told = learn_speech(MotionPrompt(sound, motion), 0, lambda *given: None)
    assert found is None and told == {"kept": False, "reason": "the clip is too short"}


@pytest.mark.parametrize(("option", "asked"), [((), True), (("--no-tune-motion",), False)])
def test_adapt_learns_it_unless_told_not_to(option, asked, monkeypatch, cli, here) -> None:
    settings = []
    monkeypatch.setattr(
        adapt_job, "make_avatar", lambda given, told: settings.append(given) or {"avatar": "me"}
    )
    assert cli("adapt", "ref.mp4", *option).code == 0
    assert [given.tune_motion for given in settings] == [asked]
