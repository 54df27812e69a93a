"""Convolutions of the torso networks: what is folded gives the same, spectral norm does what it says."""

import pytest
import torch
from torch import nn

from portrait3d.full.torso_blocks import ConvNormRelu, Kind, ResidualBlock, SpectralConv2d


def trained_looking(module: nn.Module, seed: int = 0) -> nn.Module:
    """In evaluation mode, with batch-norm statistics that do something."""
    generator = torch.Generator().manual_seed(seed)
    for layer in module.modules():
        if isinstance(layer, nn.BatchNorm2d | nn.BatchNorm3d):
            assert layer.running_mean is not None and layer.running_var is not None
            layer.running_mean.normal_(generator=generator)
            layer.running_var.uniform_(0.5, 2, generator=generator)
            nn.init.normal_(layer.weight, 1, 0.3, generator=generator)
            nn.init.normal_(layer.bias, 0, 0.3, generator=generator)
    return module.eval()


@pytest.mark.parametrize("kind", ["flat", "volume", "spectral"])
@pytest.mark.parametrize("block", [ConvNormRelu, ResidualBlock])
def test_folded_is_the_same(block: type[nn.Module], kind: Kind) -> None:
    torch.manual_seed(0)
    own = trained_looking(ResidualBlock(kind, 4) if block is ResidualBlock else ConvNormRelu(kind, 4, 6))
    x = torch.randn(2, 4, *[5] * (3 if kind == "volume" else 2))
    with torch.no_grad():
        folded = own.folded()
        torch.testing.assert_close(folded(x), own(x), rtol=1e-5, atol=1e-5)
    unwanted = nn.BatchNorm2d | nn.BatchNorm3d | SpectralConv2d
    assert not any(isinstance(layer, unwanted) for layer in folded.modules())


def test_spectral_norm_makes_the_largest_singular_value_one() -> None:
    torch.manual_seed(0)
    conv = SpectralConv2d(6, 8, 3, padding=1)
    for _ in range(30):  # each training step is one power iteration
        conv(torch.randn(1, 6, 4, 4))
    values = torch.linalg.svdvals(conv.effective_weight().flatten(1))
    assert values[0].item() == pytest.approx(1, abs=1e-3)


def test_spectral_norm_and_its_gradient_are_those_of_the_matrix_norm() -> None:
    torch.manual_seed(0)
    conv = SpectralConv2d(6, 8, 3, padding=1)
    left, _, right = torch.linalg.svd(conv.weight.detach().flatten(1), full_matrices=False)
    conv.weight_u.copy_(left[:, 0])
    conv.weight_v.copy_(right[0])
    x = torch.randn(2, 6, 5, 5)
    norm = torch.linalg.matrix_norm(conv.weight.flatten(1), 2)
    expected = nn.functional.conv2d(x, conv.weight / norm, conv.bias, padding=1)
    torch.testing.assert_close(conv(x), expected)
    (by_norm,) = torch.autograd.grad(expected.square().sum(), conv.weight)
    (own,) = torch.autograd.grad(conv(x).square().sum(), conv.weight)
    torch.testing.assert_close(own, by_norm, rtol=1e-4, atol=1e-4)


def test_spectral_norm_learns_from_two_uses_and_counts_in_float32() -> None:
    torch.manual_seed(0)
    conv = SpectralConv2d(6, 8, 3, padding=1)
    before = conv.weight_u.clone()
    x = torch.randn(1, 6, 4, 4)
    with torch.autocast("cpu", torch.bfloat16):
        (conv(x).float().sum() + conv(x).float().sum()).backward()
    assert conv.weight.grad is not None and bool(conv.weight.grad.isfinite().all())
    assert conv.weight_u.dtype == torch.float32
    matrix = conv.weight.detach().flatten(1)
    for _ in range(2):
        right = nn.functional.normalize(matrix.T @ before, dim=0)
        before = nn.functional.normalize(matrix @ right, dim=0)
    torch.testing.assert_close(conv.weight_u, before)


def test_residual_block_of_zero_convolutions_changes_nothing() -> None:
    block = trained_looking(ResidualBlock("volume", 4))
    nn.init.zeros_(block.conv2.weight)
    nn.init.zeros_(block.conv2.bias)
    x = torch.randn(1, 4, 2, 3, 3)
    assert torch.equal(block(x), x)
