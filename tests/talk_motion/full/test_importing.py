"""A checkpoint of each model, at a small size, becomes a folder that loads again; others are named."""

import hashlib
import json
import re

import pytest
import torch

from published_lists import shapes, trainer_file
from talk_motion.errors import InputError
from talk_motion.full.ics_model import InContextModel
from talk_motion.full.importing import (
    FLOW_VAE_WORDS,
    IN_CONTEXT_WORDS,
    import_published,
    is_motion_model,
    kind_of,
    read_published,
)
from talk_motion.full.published_keys import FLOW_VAE, IN_CONTEXT, our_name
from talk_motion.full.storage import CARD, WEIGHTS, read_card
from talk_motion.full.vae import FlowVae


def published_state(network, listed, rules):
    """The weights of our network under their published names, as far as it is as large."""
    ours = network.state_dict()
    return {name: ours[new] for name in shapes(listed) if (new := our_name(name, rules)) in ours}


@pytest.fixture
def in_context_file(network, tmp_path):
    state = published_state(network, "audio_to_motion", IN_CONTEXT)
    assert len(state) == len(network.state_dict())
    return trainer_file(tmp_path / "model_ckpt_steps_1234.ckpt", state)


@pytest.fixture
def vae_file(vae, tmp_path):
    return trainer_file(tmp_path / "vae.ckpt", published_state(vae, "audio_to_motion_vae", FLOW_VAE))


def test_the_in_context_model_is_imported(network, in_context_file, tmp_path, make_speech):
    report = import_published(in_context_file, tmp_path / "out", network.config)
    assert report["kind"] == IN_CONTEXT_WORDS
    assert report["step"] == 1234
    assert report["left_out"] == {"disc": 1}
    assert report["parameters"] == sum(p.numel() for p in network.parameters())
    assert report["source_sha256"] == hashlib.sha256(in_context_file.read_bytes()).hexdigest()
    loaded = InContextModel.load(tmp_path / "out")
    drawn = loaded.sample(make_speech(5))
    assert torch.equal(drawn, InContextModel(network).sample(make_speech(5)))


def test_the_vae_is_imported(vae, vae_file, tmp_path, make_speech):
    report = import_published(vae_file, tmp_path / "out", vae.config)
    assert report["kind"] == FLOW_VAE_WORDS
    loaded = FlowVae.load(tmp_path / "out")
    torch.testing.assert_close(loaded.sample(make_speech(5)), vae.sample(make_speech(5)))
    card = json.loads((tmp_path / "out" / CARD).read_text())
    blob = (tmp_path / "out" / WEIGHTS).read_bytes()
    assert card["files"][WEIGHTS] == {"sha256": hashlib.sha256(blob).hexdigest(), "bytes": len(blob)}


def test_the_report_reads_well(network, in_context_file):
    words = read_published(in_context_file, network.config).words()
    assert "model_ckpt_steps_1234.ckpt: the audio-to-motion model of MimicTalk (ICS-A2M), step 1,234" in words
    assert "left out: disc, 1 entries" in words


def test_a_second_import_replaces_the_first_and_nothing_else(network, in_context_file, tmp_path):
    out = tmp_path / "out"
    for _ in range(2):
        import_published(in_context_file, out, network.config)
    other = tmp_path / "holiday"
    other.mkdir()
    (other / "photo.txt").write_text("a photo")
    with pytest.raises(InputError, match="holds no imported motion weights"):
        import_published(in_context_file, other, network.config)
    assert (other / "photo.txt").read_text() == "a photo"


def test_half_precision(network, in_context_file, tmp_path):
    read_published(in_context_file, network.config).save(tmp_path / "out", half=True)
    loaded = InContextModel.load(tmp_path / "out").network.state_dict()
    for name, value in network.state_dict().items():
        torch.testing.assert_close(loaded[name], value, rtol=1e-3, atol=1e-6)
    assert read_card(tmp_path / "out")["precision"] == "float16"
    large = read_published(in_context_file, network.config)
    large.state["registers"][0] = 1e5
    with pytest.raises(InputError, match="registers: a value is too large for float16"):
        large.save(tmp_path / "large", half=True)
    assert not (tmp_path / "large").exists()


def test_models_are_told_from_other_files(in_context_file, vae_file, tmp_path):
    assert is_motion_model(in_context_file)
    assert is_motion_model(vae_file)
    assert not is_motion_model(trainer_file(tmp_path / "r.ckpt", {"superresolution.x": torch.zeros(1)}))
    assert not is_motion_model(tmp_path / "nowhere")


def test_damage_is_found(network, vae, in_context_file, tmp_path):
    out = tmp_path / "out"
    import_published(in_context_file, out, network.config)
    with pytest.raises(InputError, match="not a FlowVae"):
        FlowVae.load(out)
    blob = bytearray((out / WEIGHTS).read_bytes())
    blob[-1] ^= 1
    (out / WEIGHTS).write_bytes(bytes(blob))
    with pytest.raises(InputError, match="sha256"):
        InContextModel.load(out)
    (out / CARD).write_text("{}")
    with pytest.raises(InputError, match="damaged or of another version"):
        read_card(out)
    with pytest.raises(InputError, match="no imported motion weights"):
        InContextModel.load(tmp_path / "nowhere")


def test_what_has_no_place_is_told(network, tmp_path):
    state = published_state(network, "audio_to_motion", IN_CONTEXT)
    state["surprise"] = torch.zeros(2)
    state.pop("null_blink_embed")
    path = trainer_file(tmp_path / "a.ckpt", state)
    with pytest.raises(InputError, match=r"1 missing \(hearing.blink_untold\); 1 unknown \(surprise\)"):
        read_published(path, network.config)
    state = published_state(network, "audio_to_motion", IN_CONTEXT)
    state["pitch_embed.weight"] = torch.full_like(state["pitch_embed.weight"], float("nan"))
    path = trainer_file(tmp_path / "a.ckpt", state)
    with pytest.raises(InputError, match=r"pitch_embed.weight holds values that are not numbers"):
        read_published(path, network.config)


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (list(shapes("audio_to_motion")), "ICS-A2M"),
        (list(shapes("audio_to_motion_vae")), "VAE with flow"),
        (list(shapes("renderer")), "a renderer"),
        (["hubert_encoder.0.conv.weight", "mouth_encoder.0.weight"], "lip-sync expert"),
        (["hubert_encoder.0.weight", "backbone.transformer.layers.0.2.to_gamma.weight"], "regression"),
        (["mel_encoder.0.weight", "vae.decoder.wn.weight"], "without pitch"),
        (["feature_extractor.conv_layers.0.conv.weight"], "HuBERT itself"),
        (["x.weight"], "nothing known here .*x.weight"),
        ([], "no tensors"),
    ],
)
def test_kinds_are_named(names, words):
    assert re.search(words, kind_of(names))


def test_a_renderer_is_refused_with_a_cure(tmp_path):
    path = trainer_file(tmp_path / "r.ckpt", {"superresolution.x": torch.zeros(1)})
    with pytest.raises(InputError, match="it is a renderer") as caught:
        read_published(path)
    assert "mimictalk weights import" in caught.value.cure
