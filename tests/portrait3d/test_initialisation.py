import math
from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from ball_portrait import TINY
from portrait3d.decoder import DENSITY_GAIN
from portrait3d.initialisation import DENSITY, HEAD_CENTRE, HEAD_RADII, PASS, keep_variance
from portrait3d.model import Portrait3D
from triplane_render import decode_reference, sample_planes


def test_signals_keep_their_variance_through_many_layers() -> None:
    torch.manual_seed(0)
    layers = nn.ModuleList(nn.Conv2d(32, 32, 3, padding=1) for _ in range(8))
    keep_variance(layers)
    x = torch.randn(1, 32, 32, 32)
    with torch.no_grad():
        for layer in layers:
            x = layer(F.leaky_relu(x, 0.2))
    assert 0.3 < float(x.std()) < 3.0  # PyTorch's default leaves 0.002 of it


def test_biases_start_at_zero() -> None:
    layer = nn.Linear(4, 4)
    keep_variance(layer)
    assert not layer.bias.any()


@torch.no_grad()
def test_an_aligned_portrait_begins_as_an_ellipsoid_in_the_pictures_colours() -> None:
    torch.manual_seed(0)
    portrait = Portrait3D(replace(TINY, plane_resolution=128, decoder_hidden=32, encoder_aligned=True))
    planes = portrait.image_to_plane.mean_planes[None].clone()
    points = torch.rand(1, 2000, 3) * 0.8 - 0.4
    shape = 1 - ((points - torch.tensor(HEAD_CENTRE)) / torch.tensor(HEAD_RADII)).square().sum(-1)
    logits = portrait.densities(planes, points)
    clear = shape.abs() > 0.1
    assert torch.equal((logits > 0)[clear], (shape > 0)[clear])
    slope = (logits * shape).sum() / shape.square().sum()
    assert float(slope) == pytest.approx(DENSITY_GAIN * DENSITY * PASS, rel=0.05)
    for value in (-0.8, 0.0, 0.8):
        planes[:, 0, :3] = 3 * value  # the mean of three planes
        features = sample_planes(planes, points[clear][None, :200])
        colours = decode_reference(portrait.decoder.weights(), features)[1][..., :3]
        assert float(colours.mean()) == pytest.approx(1 / (1 + math.exp(-2.4 * value)), abs=0.06)
