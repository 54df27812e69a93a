import torch
from torch import nn
from torch.nn import functional as F

from portrait3d.initialisation import keep_variance


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
