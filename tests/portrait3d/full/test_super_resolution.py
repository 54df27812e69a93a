from dataclasses import replace

import torch

from portrait3d.full.super_resolution import SuperResolution
from tiny_full import TINY_HEAD


def test_without_what_it_adds_the_raw_picture_is_enlarged():
    torch.manual_seed(0)
    model = SuperResolution(TINY_HEAD)
    for block in (model.block0, model.block1):
        torch.nn.init.zeros_(block.to_rgb.weight)
    line = torch.linspace(-1, 1, 16)
    raw = line.expand(1, 3, 16, 16)
    out = model(raw, torch.randn(1, TINY_HEAD.plane_channels, 16, 16))
    assert out.shape == (1, 3, 64, 64)
    step = line[1] - line[0]
    inner = out[..., 8:-8, 8:-8]  # a ramp keeps its slope: a quarter step per pixel
    torch.testing.assert_close(
        inner.diff(dim=-1), (step / 4).expand_as(inner.diff(dim=-1)), atol=1e-5, rtol=0
    )
    centre = out[0, 0, 0, 30:34].mean()
    torch.testing.assert_close(centre, torch.tensor(0.0), atol=1e-5, rtol=0)


def test_features_reach_the_picture():
    torch.manual_seed(0)
    model, raw = SuperResolution(TINY_HEAD), torch.zeros(1, 3, 16, 16)
    features = torch.randn(1, TINY_HEAD.plane_channels, 16, 16)
    assert (model(raw, features) - model(raw, 2 * features)).abs().max() > 1e-3


def test_large_super_resolution_has_residual_blocks_behind_each_block():
    torch.manual_seed(0)
    model = SuperResolution(replace(TINY_HEAD, large_sr=True, large_sr_blocks=2))
    given = torch.zeros(1, 3, 16, 16), torch.randn(1, TINY_HEAD.plane_channels, 16, 16)
    assert model(given[1][:, :3], given[1]).shape == (1, 3, 64, 64)
    plain = SuperResolution(TINY_HEAD)
    for ours, other in ((plain.block0, model.block0), (plain.block1, model.block1)):
        ours.load_state_dict(other.block.state_dict())
        torch.nn.init.zeros_(other.to_rgb.weight)
        torch.nn.init.zeros_(other.to_rgb.bias)
        for residual in other.residuals:
            torch.nn.init.zeros_(residual.second.weight)
            torch.nn.init.zeros_(residual.second.bias)
    torch.testing.assert_close(model(*given), plain(*given))
