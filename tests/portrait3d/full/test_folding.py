"""A folded model draws the same pictures with plain convolutions."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from portrait3d.full.folding import fold
from portrait3d.full.synthesis import ModulatedWeight
from portrait3d.full.torso_blocks import SpectralConv2d
from tiny_full import TINY, TINY_HEAD, TINY_TRIPLANE, draw, random_portrait

BAR = 1e-5  # of the picture's largest value


@pytest.mark.parametrize(
    "config",
    [
        TINY,
        TINY_TRIPLANE,
        TINY_HEAD,
        replace(TINY_HEAD, large_sr=True, large_sr_blocks=1),
        replace(TINY_TRIPLANE, fusion="v1", torso_warp=1),
        replace(TINY_TRIPLANE, fusion="v3"),
        replace(TINY_TRIPLANE, fusion="concat"),
    ],
    ids=["tri-grid", "tri-plane", "head", "large", "v1", "v3", "concat"],
)
def test_the_picture_stays(config):
    model = random_portrait(config)
    before = draw(model)
    after = draw(fold(model))
    assert (after - before).abs().max() <= BAR * before.abs().max()


def test_nothing_constant_is_left_to_compute():
    model = fold(random_portrait(TINY))
    left = [
        name
        for name, module in model.named_modules()
        if isinstance(module, nn.modules.batchnorm._BatchNorm | ModulatedWeight | SpectralConv2d)
    ]
    assert left == []
    assert not any(parameter.requires_grad for parameter in model.parameters())


def test_folding_is_done_once_and_for_all():
    model = fold(random_portrait(TINY_HEAD))
    before = draw(model)
    torch.testing.assert_close(draw(fold(model)), before, rtol=0, atol=0)


def test_a_model_in_training_is_refused():
    with pytest.raises(ValueError, match="evaluation mode"):
        fold(random_portrait(TINY_HEAD).train())


def test_a_module_with_its_own_folded_is_replaced_and_its_children_first():
    order = []

    class Doubling(nn.Module):
        def __init__(self, name, inner=None):
            super().__init__()
            self.name, self.inner = name, inner

        def folded(self):
            order.append(self.name)
            return nn.Identity()

    model = nn.Sequential(Doubling("outer", Doubling("inner")), nn.Linear(1, 1)).eval()
    assert isinstance(fold(model)[0], nn.Identity)
    assert order == ["inner", "outer"]
