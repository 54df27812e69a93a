"""Halving and doubling of pictures through a low-pass filter of taps [1, 3, 3, 1] (StyleGAN2)."""

import torch
from torch import Tensor
from torch.nn import functional as F

TAPS = (1.0, 3.0, 3.0, 1.0)


def _kernel(like: Tensor, gain: float) -> Tensor:
    """(C, 1, 4, 4): the filter for every channel of `like` (B, C, H, W), its sum being `gain`."""
    taps = torch.tensor(TAPS, dtype=like.dtype, device=like.device)
    kernel = torch.outer(taps, taps) * (gain / taps.sum().square())
    return kernel.expand(like.shape[1], 1, -1, -1)


def fir_blur(x: Tensor, before: int, after: int, gain: float = 1.0, bias: Tensor | None = None) -> Tensor:
    """Filter without change of rate.

    Args:
        x: (B, C, H, W).
        before, after: Zeros put on the upper left and on the lower right; negative ones crop.
        gain: What a constant picture is multiplied by.
        bias: (C,) added afterwards.

    Returns:
        (B, C, H + before + after - 3, W + before + after - 3).
    """
    padding = before
    if before != after or before < 0:
        x, padding = F.pad(x, (before, after, before, after)), 0
    return F.conv2d(x, _kernel(x, gain), bias, padding=padding, groups=x.shape[1])


def fir_downsample(x: Tensor) -> Tensor:
    """(B, C, H, W) -> (B, C, H / 2, W / 2); H and W even."""
    return F.conv2d(x, _kernel(x, 1.0), stride=2, padding=1, groups=x.shape[1])


def fir_upsample(x: Tensor) -> Tensor:
    """(B, C, H, W) -> (B, C, 2 H, 2 W); constants stay what they are, away from the border."""
    return F.conv_transpose2d(x, _kernel(x, 4.0), stride=2, padding=1, groups=x.shape[1])
