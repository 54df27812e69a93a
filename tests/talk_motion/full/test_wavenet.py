"""A WaveNet sees as far as its kernels reach, hears its condition, and nothing of padding."""

import torch

from talk_motion.full.wavenet import WaveNet


@torch.no_grad()
def test_reach_and_condition():
    torch.manual_seed(0)
    net = WaveNet(4, 3, 2, 5).eval()
    x, condition = torch.randn(1, 4, 20), torch.randn(1, 5, 20)
    plain = net(x, condition)
    moved = x.clone()
    moved[:, :, 10] += 1
    changed = (net(moved, condition) - plain).abs().amax(dim=(0, 1)) > 1e-7
    assert changed.nonzero().flatten().tolist() == [8, 9, 10, 11, 12]  # two layers of kernel 3
    moved = condition.clone()
    moved[:, :, 10] += 1
    changed = (net(x, moved) - plain).abs().amax(dim=(0, 1)) > 1e-7
    assert changed.nonzero().flatten().tolist() == [9, 10, 11]


@torch.no_grad()
def test_padding_stays_zero_and_is_not_seen():
    torch.manual_seed(0)
    net = WaveNet(4, 3, 3, 5).eval()
    x, condition = torch.randn(1, 4, 8), torch.randn(1, 5, 8)
    valid = torch.cat([torch.ones(1, 1, 8), torch.zeros(1, 1, 6)], dim=2)
    padded = torch.cat([x, torch.zeros(1, 4, 6)], dim=2)
    found = net(padded, torch.cat([condition, torch.randn(1, 5, 6)], dim=2), valid)
    torch.testing.assert_close(found[:, :, :8], net(x, condition))
    assert not found[:, :, 8:].any()
