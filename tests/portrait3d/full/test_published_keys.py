"""Every published name has its place, and none goes without words."""

from dataclasses import replace

import pytest
import torch

from portrait3d.full.config import FullConfig
from portrait3d.full.lora_merge import A, B
from portrait3d.full.model import FullPortrait
from portrait3d.full.published_keys import account, our_name
from published_lists import meta, shapes


def full_state(config=None):
    with torch.device("meta"):
        return FullPortrait(config or FullConfig()).state_dict()


@pytest.fixture(scope="module")
def ours():
    return full_state()


def test_every_name_of_the_published_renderer_has_a_place_of_its_shape(ours):
    found = account(meta(shapes("renderer")), ours)
    assert (found.unknown, found.missing, found.misfits) == ((), (), ())
    assert found.complete
    assert len(found.read) + len(found.unused) == 1039
    assert len(set(found.read.values())) == len(found.read) == len(ours)


def test_what_is_not_needed_is_filters_noise_and_weights_of_losses(ours):
    unused = account(meta(shapes("renderer")), ours).unused
    ends = {name.rsplit(".", 1)[-1] for name in unused}
    assert ends == {
        "resample_filter",
        "noise_const",
        "noise_strength",
        "lambda_pertube_secc",
        "lambda_pertube_blink_secc",
    }


def test_the_alpha_predictor_of_fusion_v3_is_read():
    found = account(meta(shapes("renderer")), full_state(replace(FullConfig(), fusion="v3")))
    assert found.complete
    assert not any("alpha_predictor" in name for name in found.unused)


def test_lora_lies_beside_weights_that_are_read(ours):
    layers = {name.removesuffix(A).removesuffix(B) for name in shapes("lora") if name.endswith((A, B))}
    assert len(layers) == 19
    assert all(our_name(f"{layer}.weight") in ours for layer in layers)
    values = sum(torch.Size(shape).numel() for name, shape in shapes("lora").items() if name.endswith((A, B)))
    assert values == 91_108  # the 0.091 M of the published log


def test_a_name_without_a_place_and_a_place_without_a_name_are_told(ours):
    published = meta(shapes("renderer"))
    del published["decoder.net.0.weight"]
    published["decoder.net.5.weight"] = torch.empty(3, device="meta")
    published["decoder.net.2.bias"] = torch.empty(34, device="meta")
    found = account(published, ours)
    assert not found.complete
    assert found.unknown == ("decoder.net.5.weight",)
    assert found.missing == ("decoder.hidden.weight",)
    assert found.misfits == ("decoder.net.2.bias has shape 34, here 33",)


def test_a_linear_layer_over_channels_fits_a_convolution_of_kernel_one(ours):
    name = "secc_img2plane_backbone.fuse_head.linear_c1.proj.weight"
    assert ours[our_name(name)].shape == (256, 32, 1, 1)
    assert shapes("renderer")[name] == (256, 32)


def test_two_names_for_one_place_are_told():
    ours = {"decoder.hidden.weight": torch.empty(2, device="meta")}
    published = {
        "decoder.net.0.weight": torch.empty(2, device="meta"),
        "decoder.hidden.weight": torch.empty(2, device="meta"),
    }
    assert account(published, ours).misfits == (
        "decoder.hidden.weight and decoder.net.0.weight both stand for decoder.hidden.weight",
    )
