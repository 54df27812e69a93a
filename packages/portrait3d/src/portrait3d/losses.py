"""What makes two pictures of a face alike: colour, edges at every scale, and the amount of fine detail.

The published losses use VGG and LPIPS, whose weights are downloads. These need none. L1 alone gives the
mean of all that could be true, which is smooth: in a trial the face kept 0.28 of the true frame's
Laplacian. `pyramid_loss` weighs edges of every scale alike; `energy_loss` compares how much detail there is
nearby, whatever its phase, so that a smeared beard or brow costs something even where hairs cannot match.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F


def laplacian_bands(x: Tensor, levels: int) -> list[Tensor]:
    """Band-pass pictures, finest first: each level less its own half-size copy enlarged.

    After the Laplacian pyramid (Burt and Adelson 1983), with a 2 x 2 mean in place of the binomial filter,
    which costs half the time on a CPU. Linear in x.

    Args:
        x: (B, C, H, W), H and W divisible by 2^levels.
    """
    bands = []
    for _ in range(levels):
        low = F.avg_pool2d(x, 2)
        bands.append(x - F.interpolate(low, x.shape[-2:], mode="bilinear", align_corners=False))
        x = low
    return bands


def weighted_l1(a: Tensor, b: Tensor, weight: Tensor | None = None) -> Tensor:
    """Mean absolute difference; `weight` (B, 1, H, W) >= 0 says where it counts."""
    difference = (a - b).abs()
    if weight is None:
        return difference.mean()
    return (difference * weight).sum() / (weight.sum() * a.shape[1]).clamp_min(1e-6)


def pyramid_loss(a: Tensor, b: Tensor, levels: int = 4, weight: Tensor | None = None) -> Tensor:
    """L1 between the Laplacian bands, each level weighted alike."""
    total = a.new_zeros(())
    for band in laplacian_bands(a - b, levels):
        if weight is None:
            total = total + band.abs().mean()
        else:
            total = total + weighted_l1(band, torch.zeros_like(band), weight)
            weight = F.avg_pool2d(weight, 2)
    return total


def energy_loss(a: Tensor, b: Tensor, levels: int = 3, radius: int = 4) -> Tensor:
    """L1 between the local root-mean-squares of the Laplacian bands of the channels' mean.

    Not of the luminance: detail that it asks for would be as green as its weights, and glossy hair was.

    Args:
        a, b: (B, 3, H, W).
        levels: Bands compared.
        radius: The neighbourhood is (2 radius + 1)^2 pixels of each band.
    """
    total = a.new_zeros(())
    bands_a = laplacian_bands(a.mean(1, keepdim=True), levels)
    bands_b = laplacian_bands(b.mean(1, keepdim=True), levels)
    for band_a, band_b in zip(bands_a, bands_b, strict=True):
        size = 2 * radius + 1
        rms_a = (F.avg_pool2d(band_a.square(), size, 2, radius, count_include_pad=False) + 1e-6).sqrt()
        rms_b = (F.avg_pool2d(band_b.square(), size, 2, radius, count_include_pad=False) + 1e-6).sqrt()
        total = total + (rms_a - rms_b).abs().mean()
    return total


def alpha_loss(alpha: Tensor, mask: Tensor) -> Tensor:
    """L1 of opacity against the head mask: without it the background layer swallows the head."""
    return (alpha - mask).abs().mean()


def entropy_loss(alpha: Tensor) -> Tensor:
    """Binary entropy of opacity in nats: heads are solid or absent, rarely between."""
    alpha = alpha.clamp(1e-4, 1 - 1e-4)
    return -(alpha * alpha.log() + (1 - alpha) * (1 - alpha).log()).mean()


def total_variation(planes: Tensor) -> Tensor:
    """Mean absolute difference of neighbouring plane texels, (…, H, W): keeps unseen texels quiet.

    Differentiable once. By hand, because automatic differentiation of the four slices clears and adds four
    arrays as large as the planes, a tenth of a step.
    """
    result: Tensor = _TotalVariation.apply(planes)
    return result


class _TotalVariation(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, planes: Tensor) -> Tensor:
        context.save_for_backward(planes)
        return planes.diff(dim=-2).abs_().mean() + planes.diff(dim=-1).abs_().mean()

    @staticmethod
    @once_differentiable
    def backward(context: Any, gradient: Tensor) -> Tensor:
        (planes,) = context.saved_tensors
        found = torch.zeros_like(planes)
        for axis in (-2, -1):
            step = planes.diff(dim=axis).sign_()
            count, length = step.numel(), step.shape[axis]
            step *= gradient / count
            found.narrow(axis, 1, length).add_(step)
            found.narrow(axis, 0, length).sub_(step)
        return found


def second_difference(sequence: Tensor) -> Tensor:
    """Mean absolute second difference in time, (T, …), T >= 3: the Laplacian of diff-planes of frames that
    follow one another. Zero for what moves evenly; jitter is what remains."""
    return (sequence[2:] - 2 * sequence[1:-1] + sequence[:-2]).abs().mean()


def square_round(centre: Tensor, half: Tensor, side: int) -> Tensor:
    """(1, 1, side, side): 1 within `half` of a point, both in [0, 1] of the picture, else 0."""
    line = (torch.arange(side, dtype=centre.dtype, device=centre.device) + 0.5) / side
    across, down = ((line - centre[axis]).abs() <= half for axis in (0, 1))
    return (down[:, None] & across[None, :]).to(centre.dtype)[None, None]


__all__ = [
    "alpha_loss",
    "energy_loss",
    "entropy_loss",
    "laplacian_bands",
    "pyramid_loss",
    "second_difference",
    "square_round",
    "total_variation",
    "weighted_l1",
]
