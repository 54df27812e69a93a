"""Learning a person: it helps where there is something to learn, and nothing is kept where there is not."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from talk_motion import InputError, MotionModel, MotionPrompt, MotionSequence, extract_features
from talk_motion.person_tuning import CONFIG, PersonTuning, TuningConfig, Tuned, held_out_error, tune_person

QUICK = TuningConfig(steps=16, batch=2, prompt=40, window=50, every=8)
CLOSE, JAW = 18, 17


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def clip(speech, follows: bool) -> MotionPrompt:
    """Twelve seconds of somebody whose mouth opens where the sound is soft, or as it likes."""
    sound = extract_features(speech(12.0, 3), frames=300)
    loud = sound.energy.unflatten(0, (-1, 2)).mean(dim=1)
    opening = 0.3 * torch.sigmoid(-(loud - loud.median()) / 4)
    if not follows:
        opening = opening[torch.randperm(300, generator=torch.Generator().manual_seed(0))]
    expression = torch.zeros(300, 64)
    expression[:, JAW] = opening
    still = torch.zeros(300, 3)
    return MotionPrompt(sound, MotionSequence.from_tracking(expression, still, still, still[:, :2]))


@pytest.fixture(scope="module")
def tuned(small: MotionModel, speech) -> Tuned:
    found = tune_person(small, clip(speech, follows=True), QUICK)
    assert found is not None
    return found


def test_a_person_who_can_be_learned_is(tuned: Tuned, small: MotionModel, speech) -> None:
    assert tuned.tuning is not None and tuned.step in (8, 16)
    assert tuned.after < 0.9 * tuned.before
    assert (tuned.learned, tuned.held) == (240, 60)
    person = tuned.tuning.applied(small)
    given = clip(speech, follows=True)
    audio, motion = given.audio.stack(), small.space.to_motion(given.motion.expression)
    motion = motion - motion[:240].mean(dim=0)
    prompt, judged = (audio[:300], motion[:150]), (audio[480:], motion[240:])
    assert held_out_error(person, prompt, judged) < 0.95 * held_out_error(small, prompt, judged)
    assert tuned.facts()["kept"] is True


def test_what_does_not_help_is_not_kept(small: MotionModel, speech) -> None:
    # A model may learn to open less for who does as they like: a few per cent, unlike what can be learned.
    found = tune_person(small, clip(speech, follows=False), replace(QUICK, least_gain=0.2))
    assert found is not None and found.tuning is None
    assert found.facts()["kept"] is False


def test_the_same_clip_and_seed_give_the_same(tuned: Tuned, small: MotionModel, speech) -> None:
    short, other = replace(QUICK, steps=2, every=1, least_gain=0.0), replace(QUICK, steps=2, every=1, seed=1)
    a, b, c = (tune_person(small, clip(speech, follows=True), told) for told in (short, short, other))
    assert a.after == b.after != c.after


def test_the_model_itself_stays_as_it_is(tuned: Tuned, small: MotionModel) -> None:
    fresh = MotionModel.from_pretrained("small")
    person = tuned.tuning.applied(small)
    changed = 0
    for name, value in fresh.network.state_dict().items():
        assert torch.equal(value, small.network.state_dict()[name]), name
        changed += not torch.equal(value, person.network.state_dict()[name])
    assert changed == len(tuned.tuning.targets)
    assert not any(p.requires_grad and ".lora_" in n for n, p in person.network.named_parameters())


def test_it_is_stored_in_pefts_format(tuned: Tuned, small: MotionModel, tmp_path) -> None:
    from peft import LoraConfig, PeftModel, inject_adapter_in_model, set_peft_model_state_dict
    from safetensors.torch import load_file

    for name, content in tuned.tuning.files().items():
        (tmp_path / name).write_bytes(content)
    config = LoraConfig.from_pretrained(str(tmp_path))
    network = MotionModel.from_pretrained("small").network
    inject_adapter_in_model(config, network, "other")
    state = load_file(tmp_path / "adapter_model.safetensors")
    outcome = set_peft_model_state_dict(network, state, "other")
    assert not outcome.unexpected_keys
    assert PeftModel is not None
    audio = torch.from_numpy(np.random.default_rng(0).normal(size=(1, 80, 67)).astype(np.float32))
    again = PersonTuning.from_files(*tuned.tuning.files().values())
    person = again.applied(small).network
    x, t, none = (
        torch.randn(1, 40, small.space.channels),
        torch.zeros(1),
        torch.zeros(1, 40, dtype=torch.bool),
    )
    with torch.no_grad():
        ours = person(x, t, person.encode_sound(audio), x, none)
        theirs = network.eval()(x, t, network.encode_sound(audio), x, none)
        plain = small.network(x, t, small.network.encode_sound(audio), x, none)
    torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-4)
    assert not torch.allclose(ours, plain, atol=1e-2)


def test_what_does_not_fit_is_refused(tuned: Tuned, small: MotionModel) -> None:
    with pytest.raises(InputError, match="other weights"):
        replace(tuned.tuning, base="0" * 64).applied(small)
    less = dict(list(tuned.tuning.adapter.items())[1:])
    with pytest.raises(InputError, match="missing or unknown"):
        replace(tuned.tuning, adapter=less).applied(small)
    config, weights = tuned.tuning.files().values()
    for damaged in ((b"{", weights), (b"{}", weights), (config, weights[:50]), (config, b"")):
        with pytest.raises(InputError, match="damaged or of another kind"):
            PersonTuning.from_files(*damaged)
    assert CONFIG == "adapter_config.json"


def test_settings_and_short_clips(small: MotionModel, prompt: MotionPrompt) -> None:
    assert tune_person(small, prompt, TuningConfig()) is None
    with pytest.raises(ValueError, match="got 0"):
        TuningConfig(r=0)
    with pytest.raises(ValueError, match=r"\(1\.0, "):
        TuningConfig(held=1.0)
