"""A tiny HuBERT of the large size's form: two states per frame, cuts, loading, and what is refused."""

import socket
import sys

import numpy as np
import pytest
import torch

from talk_motion.errors import InputError
from talk_motion.full.hubert import PUBLISHED_CHUNKS, Chunks, Hubert, normalised

transformers = pytest.importorskip("transformers")
# The large size's options at a small width: norm of every layer, no norm over the clip.
FORM = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "conv_dim": [8] * 7,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 2,
    "feat_extract_norm": "layer",
    "conv_bias": True,
    "do_stable_layer_norm": True,
}


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return transformers.HubertModel(transformers.HubertConfig(**FORM)).eval()


@pytest.fixture(scope="module")
def hubert(network):
    return Hubert(network)


@pytest.fixture(scope="module")
def noise():
    return np.random.default_rng(0).normal(0, 0.1, 320 * 400 + 80).astype(np.float32)


@pytest.mark.parametrize("samples", [1, 399, 400, 640, 641, 16000])
def test_two_states_per_motion_frame(hubert, noise, samples):
    speech = hubert.features(noise[:samples])
    assert speech.frames == -(-samples // 640)
    assert speech.content.shape == (2 * speech.frames, 16)
    assert hubert.features(noise[:samples], 4).frames == 4


def test_states_are_the_networks_own(network, hubert, noise):
    """400 samples every 320: without padding the same call on the network itself."""
    wave = normalised(noise)[: 49 * 320 + 400]
    with torch.no_grad():
        direct = network(torch.from_numpy(wave)[None]).last_hidden_state[0]
    torch.testing.assert_close(hubert.content(wave, 50, Chunks()), direct)


def test_sound_that_fits_is_not_cut(hubert, noise):
    wave = normalised(noise)
    whole = hubert.content(wave, 400, Chunks(400, 0))
    assert torch.equal(hubert.content(wave, 400, Chunks(300, 50)), whole)


def test_the_convolutions_are_exact_under_any_cut(network, noise):
    """Their states in a chunk are those in the whole: 400 samples of every state are there."""
    wave = torch.from_numpy(normalised(noise))[None]
    with torch.no_grad():
        whole = network.feature_extractor(wave)[0]
        for seen, seen_to, kept, kept_to in Chunks(150, 20).cut(400):
            part = network.feature_extractor(wave[:, seen * 320 : (seen_to - 1) * 320 + 400])[0]
            torch.testing.assert_close(part[:, kept - seen : kept_to - seen], whole[:, kept:kept_to])


def test_context_leaves_less_of_a_seam_than_the_published_cuts(hubert, noise):
    """Attention of random weights looks everywhere alike, so every cut shows a little; at the seam, where the
    positions' convolution is cut too, context takes most of it away."""
    wave = normalised(noise)
    whole = hubert.content(wave, 400, Chunks(400, 0))
    size = whole.square().mean().sqrt()
    bare, overlapped = (
        (hubert.content(wave, 400, chunks) - whole).square().mean(-1).sqrt() / size
        for chunks in (Chunks(200, 0), Chunks(200, 80))
    )
    seam = slice(195, 205)
    assert overlapped[seam].max() < 0.3 * bare[seam].max()
    assert overlapped.max() < 0.02


def test_published_chunks_are_separate_runs(network, hubert):
    wave = normalised(np.random.default_rng(1).normal(0, 0.1, 320 * 1000 + 3280))
    states = 1010
    with torch.no_grad():
        parts = [
            network(torch.from_numpy(wave[a:b])[None]).last_hidden_state[0]
            for a, b in ((0, 320080), (320000, 320000 + 9 * 320 + 400))
        ]
    found = hubert.content(wave, states, PUBLISHED_CHUNKS)
    assert found.shape == (states, 16)
    torch.testing.assert_close(found, torch.cat(parts))


def test_normalised_has_mean_zero_and_deviation_one(noise):
    wave = normalised(3 * noise + 0.2)
    assert abs(wave.mean()) < 1e-6
    assert wave.std() == pytest.approx(1, abs=1e-4)
    assert np.isfinite(normalised(np.zeros(100))).all()


def test_it_loads_from_a_folder(network, hubert, noise, tmp_path):
    network.save_pretrained(tmp_path)
    loaded = Hubert.load(tmp_path)
    assert loaded.channels == 16
    torch.testing.assert_close(
        loaded.features(noise[:6400]).content, hubert.features(noise[:6400]).content, rtol=1e-4, atol=1e-5
    )


def test_missing_weights_are_named(tmp_path):
    with pytest.raises(InputError, match="cannot be loaded") as caught:
        Hubert.load(tmp_path)
    assert "config.json" in caught.value.cure


def test_offline_nothing_is_fetched(monkeypatch):
    def refuse(*_):
        raise AssertionError("the network was asked")

    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    with pytest.raises(InputError, match="cannot be loaded") as caught:
        Hubert.load("nobody/has-no-such-hubert")
    assert "unset HF_HUB_OFFLINE" in caught.value.cure


def test_without_transformers_the_cure_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(InputError, match="not installed") as caught:
        Hubert.load()
    assert "talk-motion[full]" in caught.value.cure


def test_the_base_size_cannot_be_cut():
    config = transformers.HubertConfig(**{**FORM, "feat_extract_norm": "group"})
    with pytest.raises(InputError, match="normalises over the whole clip"):
        Hubert(transformers.HubertModel(config))


@pytest.mark.parametrize("samples", [np.zeros(0), np.zeros((2, 100)), np.array([0.0, np.nan])])
def test_bad_sound_is_refused(hubert, samples):
    with pytest.raises(InputError):
        hubert.features(samples)


@pytest.mark.parametrize("states", [1, 19, 20, 21, 100, 101])
def test_cuts_keep_every_state_once(states):
    cuts = list(Chunks(10, 5).cut(states))
    kept = [state for _, _, start, stop in cuts for state in range(start, stop)]
    assert kept == list(range(states))
    for seen, seen_to, start, stop in cuts:
        assert 0 <= seen <= start < stop <= seen_to <= states
        assert start - seen in (start, 5) or start - seen == min(start, 5)


def test_bad_chunks_are_refused():
    with pytest.raises(ValueError, match="got 0"):
        Chunks(0, 1)
