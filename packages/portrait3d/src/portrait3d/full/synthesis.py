"""StyleGAN2's synthesis layers under a constant w of ones, the published super-resolution's building blocks.

Source: Karras et al. 2020, section 2.2: weights are scaled per input channel by a style, then normalised per
output channel. The published model feeds w = 1 and no noise, so the style is a constant of the layer: it is
learned like a weight, and folds into it.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from portrait3d.equalised import EqualisedLinear, scaled_leaky_relu
from portrait3d.fir_resampling import fir_blur, fir_upsample
from portrait3d.precision import exactly


class ModulatedWeight(nn.Module):
    """A weight (out, in, k, k) whose input channels are scaled by the style of w = 1."""

    def __init__(self, channels_in: int, channels_out: int, kernel: int, w_dim: int) -> None:
        super().__init__()
        self.affine = EqualisedLinear(w_dim, channels_in, bias=1.0)
        self.weight = nn.Parameter(torch.randn(channels_out, channels_in, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(channels_out))

    def modulated(self) -> Tensor:
        """The scaled weight (out, in, k, k)."""
        style = self.affine(self.weight.new_ones(self.affine.weight.shape[1]))
        return self.weight * style[:, None, None]


class SynthesisLayer(ModulatedWeight):
    """Modulated 3x3 convolution, normalised, with a leaky ReLU; `up` doubles the size before it."""

    def __init__(self, channels_in: int, channels_out: int, w_dim: int, *, up: bool) -> None:
        super().__init__(channels_in, channels_out, 3, w_dim)
        self.up = up

    def demodulated(self) -> Tensor:
        """The weight (out, in, 3, 3) in effect: every output channel has norm 1 (equation 3)."""
        weight = self.modulated()
        return weight * (weight.square().sum((1, 2, 3), keepdim=True) + 1e-8).rsqrt()

    def forward(self, x: Tensor) -> Tensor:
        """(B, in, H, W) -> (B, out, H, W), or (B, out, 2 H, 2 W) with `up`."""
        return activate(x, self.demodulated(), self.bias, self.up)

    def folded(self) -> "FoldedSynthesisLayer":
        """The same with the style in the weight."""
        return FoldedSynthesisLayer(self.demodulated().detach(), self.bias.detach(), up=self.up)


class FoldedSynthesisLayer(nn.Module):
    """A `SynthesisLayer` whose weight (out, in, 3, 3) in effect is a convolution's, which LoRA may wrap."""

    def __init__(self, weight: Tensor, bias: Tensor, *, up: bool) -> None:
        super().__init__()
        self.up, self.channels_in = up, weight.shape[1]
        self.conv = nn.Conv2d(weight.shape[1], weight.shape[0], 3, padding=1, device="meta")
        self.conv.weight, self.conv.bias = nn.Parameter(weight.clone()), nn.Parameter(bias.clone())

    def forward(self, x: Tensor) -> Tensor:
        """As `SynthesisLayer`."""
        if self.up:
            return activate(x, *effective_kernel(self.conv, self.channels_in), up=True)
        return scaled_leaky_relu(self.conv(x))


def effective_kernel(conv: nn.Module, channels_in: int) -> tuple[Tensor, Tensor]:
    """Weight and bias that a 3x3 convolution with a border of zeros has in effect, whatever wraps it.

    Upsampling takes the weight transposed, so a wrapper cannot be called in its place. Like
    `effective_linear` this asks what becomes of single bright pixels, which stays differentiable.

    Args:
        conv: A module that maps (N, channels_in, H, W) affinely to (N, out, H, W).
        channels_in: Its input channels.

    Returns:
        weight (out, channels_in, 3, 3) and bias (out,).
    """
    if type(conv) is nn.Conv2d and conv.bias is not None:
        return conv.weight, conv.bias
    parameter = next(conv.parameters())
    with exactly(parameter.device):
        probe = parameter.new_zeros(channels_in + 1, channels_in, 3, 3)
        probe[:channels_in, :, 1, 1].fill_diagonal_(1)
        answer = conv(probe)
    bias = answer[-1, :, 1, 1]
    return (answer[:-1] - bias[:, None, None]).transpose(0, 1).flip(2, 3), bias


def activate(x: Tensor, weight: Tensor, bias: Tensor, up: bool) -> Tensor:
    """Convolve, upsampling if asked (zeros between pixels, then low-pass), add the bias, leaky ReLU."""
    if up:
        x = fir_blur(F.conv_transpose2d(x, weight.transpose(0, 1), stride=2), 1, 1, gain=4.0)
    else:
        x = F.conv2d(x, weight, padding=1)
    return scaled_leaky_relu(x + bias[:, None, None])


class ToRGB(ModulatedWeight):
    """Features -> a picture by a modulated 1x1 convolution that is not normalised."""

    def __init__(self, channels_in: int, w_dim: int) -> None:
        super().__init__(channels_in, 3, 1, w_dim)

    def forward(self, x: Tensor) -> Tensor:
        """(B, in, H, W) -> (B, 3, H, W)."""
        return F.conv2d(x, self.modulated() / math.sqrt(x.shape[1]), self.bias)

    def folded(self) -> nn.Conv2d:
        """The plain convolution that it is."""
        weight = self.modulated().detach() / math.sqrt(self.weight.shape[1])
        plain = nn.Conv2d(weight.shape[1], weight.shape[0], 1)
        plain.weight, plain.bias = nn.Parameter(weight), nn.Parameter(self.bias.detach().clone())
        return plain


class SynthesisBlock(nn.Module):
    """Two synthesis layers and a picture that they add to ("skip" architecture, section 4.1).

    Args:
        channels_in, channels_out: Of the features.
        w_dim: Length of w.
        up: Whether features and picture double their size.
    """

    def __init__(self, channels_in: int, channels_out: int, w_dim: int, *, up: bool) -> None:
        super().__init__()
        self.up = up
        self.first = SynthesisLayer(channels_in, channels_out, w_dim, up=up)
        self.second = SynthesisLayer(channels_out, channels_out, w_dim, up=False)
        self.to_rgb = ToRGB(channels_out, w_dim)

    def forward(self, x: Tensor, picture: Tensor | None) -> tuple[Tensor, Tensor]:
        """Features and the picture so far, if any.

        Args:
            x: (B, in, H, W).
            picture: (B, 3, H, W), or None for a new one.

        Returns:
            (B, out, H', W') and (B, 3, H', W'); H' = 2 H with `up`, else H.
        """
        x = self.second(self.first(x))
        added = self.to_rgb(x)
        if picture is None:
            return x, added
        return x, added + (fir_upsample(picture) if self.up else picture)
