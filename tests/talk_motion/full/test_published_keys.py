"""Every published name has exactly one place in ours, of the same shape."""

import pytest
import torch

from published_lists import meta, shapes
from talk_motion.full.config import FlowVaeConfig, InContextConfig
from talk_motion.full.ics_network import InContextNetwork
from talk_motion.full.published_keys import FLOW_VAE, IN_CONTEXT, account, our_name
from talk_motion.full.vae import FlowVae

AUX = ("pitch_e", "blink_embed", "null_blink", "mouth_amp", "null_mouth")


def without_aux(listed):
    """The list of the variant that hears content alone."""
    plain = {name: shape for name, shape in listed.items() if not name.startswith(AUX)}
    plain["backbone.icl_transformer_model.to_cond_emb.weight"] = (64, 256)
    return plain


def ours_of(network, config):
    with torch.device("meta"):
        return network(config).state_dict()


CASES = {
    "with aux": (lambda: shapes("audio_to_motion"), InContextNetwork, InContextConfig(), IN_CONTEXT, 289),
    "without aux": (
        lambda: without_aux(shapes("audio_to_motion")),
        InContextNetwork,
        InContextConfig(hears_manner=False),
        IN_CONTEXT,
        277,
    ),
    "VAE": (lambda: shapes("audio_to_motion_vae"), FlowVae, FlowVaeConfig(), FLOW_VAE, 231),
}


@pytest.mark.parametrize("case", CASES)
def test_every_name_has_its_place(case):
    listed, network, config, rules, count = CASES[case]
    ours = ours_of(network, config)
    found = account(meta(listed()), ours, rules)
    assert found.complete, found
    assert len(found.read) == count
    assert sorted(found.read.values()) == sorted(ours)  # one to one


def test_what_is_wrong_is_told():
    ours = ours_of(FlowVae, FlowVaeConfig())
    listed = meta(shapes("audio_to_motion_vae"))
    listed["vae.extra"] = listed.pop("mouth_amp_embed")
    listed["cond_proj.bias"] = torch.empty(3, device="meta")
    found = account(listed, ours, FLOW_VAE)
    assert found.unknown == ("vae.extra",)
    assert found.missing == ("hearing.mouth_opening",)
    assert found.misfits == ("cond_proj.bias has shape 3, here 128",)
    assert not found.complete


def test_names_read_well():
    name = "backbone.icl_transformer_model.transformer.layers.7.4.to_beta.weight"
    assert our_name(name, IN_CONTEXT) == "layers.7.feed_forward_norm.shift.weight"
    name = "vae.prior_flow.flows.6.enc.cond_layer.weight_g"
    assert our_name(name, FLOW_VAE) == "prior.couplings.3.wavenet.condition.parametrizations.weight.original0"
