"""StyleGAN2's layers against its equations and SciPy's convolutions."""

import math

import numpy as np
import pytest
import torch
from scipy.signal import convolve2d, correlate2d

from portrait3d.full.synthesis import SynthesisBlock, SynthesisLayer, ToRGB

TAPS = np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 64


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def layer(up, channels_in=2, channels_out=3):
    made = SynthesisLayer(channels_in, channels_out, 6, up=up)
    torch.nn.init.normal_(made.bias)
    return made


def leaky(x):
    return np.where(x > 0, x, 0.2 * x) * math.sqrt(2)


def test_every_output_channel_of_the_weight_has_norm_one():
    weight = layer(up=False).demodulated()
    torch.testing.assert_close(weight.square().sum((1, 2, 3)), torch.ones(3), atol=1e-6, rtol=0)


def test_the_style_scales_input_channels_before_the_norm():
    made = layer(up=False)
    with torch.no_grad():
        made.affine.weight.zero_()
        made.affine.bias.copy_(torch.tensor([1.0, 0.0]))  # the second input channel is switched off
    assert made.demodulated()[:, 1].abs().max() == 0
    assert made.demodulated()[:, 0].norm() > 1


def test_same_size_is_a_correlation():
    made, x = layer(up=False), torch.randn(1, 2, 5, 6)
    weight = made.demodulated().detach().double().numpy()
    expected = [
        sum(correlate2d(x[0, i].numpy(), weight[o, i], "same") for i in range(2)) + made.bias[o].item()
        for o in range(3)
    ]
    np.testing.assert_allclose(made(x)[0].detach(), leaky(np.stack(expected)), atol=1e-5)


def test_up_convolves_between_zeros_then_filters():
    made, x = layer(up=True), torch.randn(1, 2, 5, 6)
    weight = made.demodulated().detach().double().numpy()
    zeros = np.zeros((2, 9, 11))
    zeros[:, ::2, ::2] = x[0]
    expected = []
    for o in range(3):
        wide = sum(convolve2d(zeros[i], weight[o, i]) for i in range(2))  # 11 x 13
        wide = convolve2d(np.pad(wide, 1), 4 * TAPS, "valid")  # 10 x 12
        expected.append(wide + made.bias[o].item())
    np.testing.assert_allclose(made(x)[0].detach(), leaky(np.stack(expected)), atol=1e-5)


def test_to_rgb_is_not_normalised():
    made, x = ToRGB(4, 6), torch.randn(1, 4, 3, 3)
    torch.nn.init.normal_(made.bias)
    style = made.affine.weight.sum(1) / math.sqrt(6) + 1
    weight = made.weight[:, :, 0, 0] * style / 2  # sqrt of 4 channels
    expected = torch.einsum("oi,bihw->bohw", weight, x) + made.bias[:, None, None]
    torch.testing.assert_close(made(x), expected)


@pytest.mark.parametrize("up", [True, False])
def test_folded_layers_answer_the_same(up):
    made, x = layer(up), torch.randn(2, 2, 4, 4)
    torch.testing.assert_close(made.folded()(x), made(x))
    rgb = ToRGB(2, 6)
    torch.testing.assert_close(rgb.folded()(x), rgb(x))


def test_a_block_adds_to_the_picture_and_starts_one():
    block, x = SynthesisBlock(2, 4, 6, up=True), torch.randn(1, 2, 8, 8)
    features, new = block(x, None)
    assert features.shape == (1, 4, 16, 16)
    again, picture = block(x, torch.full((1, 3, 8, 8), 0.25))
    assert torch.equal(again, features)
    added = (picture - new)[..., 2:-2, 2:-2]  # a constant stays what it is, away from the border
    torch.testing.assert_close(added, torch.full_like(added, 0.25))


def test_without_up_the_picture_is_added_as_it_is():
    block, x, picture = SynthesisBlock(2, 2, 6, up=False), torch.randn(1, 2, 8, 8), torch.randn(1, 3, 8, 8)
    torch.testing.assert_close(block(x, picture)[1] - block(x, None)[1], picture)


@pytest.mark.parametrize("up", [True, False])
def test_a_wrapped_convolution_counts_with_what_wraps_it(up):
    """As LoRA wraps it: the layer answers like one whose weight is the sum of the two."""

    class Wrapped(torch.nn.Module):
        def __init__(self, base, added):
            super().__init__()
            self.base, self.added = base, torch.nn.Parameter(added)

        def forward(self, x):
            return self.base(x) + torch.nn.functional.conv2d(x, self.added, padding=1)

    folded, x, added = layer(up).folded(), torch.randn(1, 2, 5, 6), torch.randn(3, 2, 3, 3)
    whole = type(folded)(folded.conv.weight.detach() + added, folded.conv.bias.detach(), up=up)
    folded.conv = Wrapped(folded.conv, added)
    torch.testing.assert_close(folded(x), whole(x), atol=1e-5, rtol=1e-5)
    folded(x).sum().backward()
    assert folded.conv.added.grad.abs().sum() > 0
