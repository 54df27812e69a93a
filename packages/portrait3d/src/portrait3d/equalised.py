"""Layers with an equalised learning rate (Karras et al. 2018, section 4.1).

Weights are stored with unit variance and scaled where they are used, so that Adam moves every layer by
the same part of its range.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class EqualisedLinear(nn.Module):
    """Linear layer: stored weight (out, in) times rate / sqrt(in), stored bias (out,) times rate.

    Args:
        features_in, features_out: Widths.
        rate: Learning-rate multiplier; StyleGAN's mapping networks use 0.01.
        bias: Initial value of the bias in effect.
    """

    def __init__(self, features_in: int, features_out: int, rate: float = 1.0, bias: float = 0.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(features_out, features_in) / rate)
        self.bias = nn.Parameter(torch.full((features_out,), bias / rate))
        self.weight_gain = rate / math.sqrt(features_in)
        self.bias_gain = rate

    def forward(self, x: Tensor) -> Tensor:
        """(…, in) -> (…, out)."""
        return F.linear(x, self.weight * self.weight_gain, self.bias * self.bias_gain)

    def folded(self) -> nn.Linear:
        """The plain layer that it is."""
        plain = nn.Linear(self.weight.shape[1], self.weight.shape[0], device=self.weight.device)
        plain.weight = nn.Parameter(self.weight.detach() * self.weight_gain)
        plain.bias = nn.Parameter(self.bias.detach() * self.bias_gain)
        return plain


class EqualisedConv2d(nn.Module):
    """Convolution: stored weight (out, in, k, k) times 1 / sqrt(in k²)."""

    def __init__(self, channels_in: int, channels_out: int, kernel: int, bias: bool = True) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(channels_out, channels_in, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(channels_out)) if bias else None
        self.weight_gain = 1 / math.sqrt(channels_in * kernel**2)

    def forward(self, x: Tensor, stride: int = 1, padding: int = 0) -> Tensor:
        """(B, in, H, W) -> (B, out, (H + 2 padding - k) / stride + 1, …)."""
        return F.conv2d(x, self.weight * self.weight_gain, self.bias, stride, padding)

    def folded(self) -> nn.Conv2d:
        """The plain convolution that it is with stride and padding left out."""
        channels_out, channels_in, kernel, _ = self.weight.shape
        plain = nn.Conv2d(channels_in, channels_out, kernel, device=self.weight.device)
        plain.weight = nn.Parameter(self.weight.detach() * self.weight_gain)
        plain.bias = None if self.bias is None else nn.Parameter(self.bias.detach().clone())
        return plain


def scaled_leaky_relu(x: Tensor, gain: float = 1.0, clamp: float | None = None) -> Tensor:
    """Leaky ReLU of slope 0.2 times sqrt(2) gain, which keeps the second moment; clamped to +-clamp gain.

    Source: StyleGAN2's activation; the clamp keeps half precision from overflowing.
    """
    x = F.leaky_relu(x, 0.2) * (math.sqrt(2) * gain)
    return x if clamp is None else x.clamp(-clamp * gain, clamp * gain)
