"""The first layer is linear, so the still part is worked out once; the rest sees the whole."""

from dataclasses import replace

import pytest
import torch

from portrait3d.full.motion_adapter import MotionAdapter
from tiny_full import TINY, TINY_TRIPLANE


@pytest.fixture
def pictures():
    generator = torch.Generator().manual_seed(0)
    return [torch.rand(1, 3, 64, 64, generator=generator) * 2 - 1 for _ in range(3)]


@pytest.fixture
def adapter():
    torch.manual_seed(0)
    made = MotionAdapter(TINY).eval()
    torch.nn.init.normal_(made.prenet.bias)
    return made


def test_still_and_target_make_what_the_first_layer_says_of_all_three(adapter, pictures):
    seen = []
    adapter.encoder.register_forward_pre_hook(lambda module, given: seen.append(given[0]))
    adapter(adapter.still(*pictures[:2]), pictures[2])
    torch.testing.assert_close(seen[0], adapter.prenet(torch.cat(pictures, 1)), atol=1e-6, rtol=1e-5)


def test_planes_of_tri_plane_and_tri_grid(adapter, pictures):
    still, targets = adapter.still(*pictures[:2]), torch.cat([pictures[2], pictures[1]])
    grids = adapter(still, targets)
    assert grids.shape == (2, 3, TINY.plane_channels, TINY.plane_depth, 32, 32)
    torch.testing.assert_close(grids[1:], adapter(still, targets[1:]), atol=1e-5, rtol=1e-4)
    triplane = MotionAdapter(TINY_TRIPLANE).eval()
    assert triplane(triplane.still(*pictures[:2]), targets).shape == (2, 3, TINY.plane_channels, 32, 32)


def test_without_the_source_it_is_not_looked_at(pictures):
    adapter = MotionAdapter(replace(TINY, pncc_condition="cano_tgt"))
    assert torch.equal(adapter.still(pictures[0], pictures[1]), adapter.still(pictures[0], pictures[2]))
    assert adapter.prenet.weight.shape == (3, 6, 1, 1)


def test_encoder_has_the_published_epsilon_and_grows_its_stochastic_depth(adapter):
    assert adapter.encoder.stages[0].norm.eps == adapter.encoder.stages[2].blocks[1].norm1.eps == 1e-6
    assert (
        adapter.encoder.stages[0].embed.norm.eps == adapter.encoder.stages[0].blocks[0].attn.norm.eps == 1e-5
    )
    drops = [block.drop.probability for stage in adapter.encoder.stages for block in stage.blocks]
    assert drops == pytest.approx([0.1 * n / 7 for n in range(8)])
