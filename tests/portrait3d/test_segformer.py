"""What the published model asks of the shared blocks, beside what the small one does."""

import torch
from torch import nn

from portrait3d.segformer import Block, DropPath, MiTEncoder, SegFormerHead, start_transformers

SIZES = ((8, 8, 8, 8), (1, 2, 1, 1), (1, 1, 2, 2), (2, 2, 1, 1))


def test_stochastic_depth_keeps_the_mean():
    torch.manual_seed(0)
    drop = DropPath(0.25)
    out = drop(torch.ones(4000, 3))
    assert set(out.unique().tolist()) == {0.0, torch.tensor(1 / 0.75).item()}
    assert (out.amin(1) == out.amax(1)).all()  # an entry goes as a whole
    assert abs(out.mean().item() - 1) < 5 * (0.25 / 0.75 / 4000) ** 0.5  # five standard errors
    x = torch.randn(2, 3)
    assert torch.equal(drop.eval()(x), x)


def test_a_block_whose_residuals_are_dropped_is_the_identity():
    block = Block(8, 2, 1, 2, drop=1 - 1e-9).train()
    tokens = torch.randn(3, 16, 8)
    assert torch.equal(block(tokens, 4, 4), tokens)


def test_levels_may_be_concatenated_coarsest_first():
    features = [torch.randn(1, 8, 16 // 2**n, 16 // 2**n) for n in range(4)]
    first, second = (SegFormerHead(SIZES[0], 2, fuse=nn.Identity(), coarsest_first=c) for c in (False, True))
    second.load_state_dict(first.state_dict())
    levels = first(features).split(2, 1)
    assert torch.equal(second(features), torch.cat(levels[::-1], 1))


def test_epsilon_is_of_the_norms_around_attention_and_mlp_only():
    encoder = MiTEncoder(3, *SIZES, epsilon=0.5)
    norms = {name: module.eps for name, module in encoder.named_modules() if isinstance(module, nn.LayerNorm)}
    assert norms["stages.0.norm"] == norms["stages.1.blocks.1.norm2"] == 0.5
    assert norms["stages.0.embed.norm"] == norms["stages.0.blocks.0.attn.norm"] == 1e-5


def test_transformers_start_with_small_linear_layers():
    torch.manual_seed(0)
    block = Block(64, 2, 2, 4)
    start_transformers(block)
    assert abs(block.mlp.fc1.weight.std().item() / 0.02 - 1) < 0.05
    assert abs(block.mlp.dwconv.weight.std().item() / (2 / 9) ** 0.5 - 1) < 0.1  # one output per group
    assert block.attn.reduce.bias.abs().max() == 0
