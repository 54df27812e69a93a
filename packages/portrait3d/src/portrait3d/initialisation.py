"""How convolutions start."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from portrait3d.decoder import PlaneDecoder

SLOPE = 0.2


def keep_variance(module: nn.Module) -> None:
    """Start every convolution and linear layer so that signals keep their variance (He et al. 2015, eq. 15).

    PyTorch's default shrinks them by about a half per layer; behind five layers the few pixels in which two
    expressions differ were a hundredth of the biases, and the adapter never found them.
    """
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(layer.weight, a=SLOPE, nonlinearity="leaky_relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


# An average head as an ellipsoid, world units: what an aligned portrait starts from.
HEAD_CENTRE, HEAD_RADII = (0.0, 0.06, 0.0), (0.215, 0.30, 0.255)
PLANES = 3  # the renderer takes the mean of so many planes' features
SHAPE = 3  # the plane channel that holds the head's shape; those before it hold the picture
PASS, COLOUR, DENSITY = 4.0, 0.6, 4.0


@torch.no_grad()
def begin_as_head(shared_planes: Tensor, decoder: "PlaneDecoder", box_warp: float) -> None:
    """Let shared planes and decoder draw the picture on an ellipsoid, before anything is learned.

    The function 1 - |(p - centre) / radii|^2 is a sum of functions of (x, y) and of z, so three planes hold
    it exactly. It becomes density, the first three channels become colour, each through two hidden units:
    softplus(a) - softplus(-a) = a. A head of fog takes most of a short training to become solid.

    Args:
        shared_planes: (3, C, R, R) in world order; channel `SHAPE` is written.
        decoder: Of the planes; its first eight hidden units and their answers are written.
        box_warp: Side of the cube that the planes cover.
    """
    side = shared_planes.shape[-1]
    line = ((torch.arange(side) + 0.5) / side - 0.5) * box_warp
    x, y, z = (((line - c) / r).square() for c, r in zip(HEAD_CENTRE, HEAD_RADII, strict=True))
    shared_planes[0, SHAPE] = PLANES * (1 - x[None, :] - y[:, None])  # rows are y, columns x
    shared_planes[2, SHAPE] = -PLANES * z[None, :].expand(side, side)  # rows are y, columns z
    into, out = decoder.fc1, decoder.fc2
    for channel in range(SHAPE + 1):
        for sign, unit in ((1.0, 2 * channel), (-1.0, 2 * channel + 1)):
            into.weight[unit] = 0
            into.weight[unit, channel] = sign * PASS
            into.bias[unit] = 0
            out.weight[:4, unit] = 0  # density and the three colours; features may mix all
            answer = 0 if channel == SHAPE else 1 + channel
            out.weight[answer, unit] = sign * (DENSITY if channel == SHAPE else COLOUR)
    out.weight[:4, 2 * (SHAPE + 1) :] *= 0.1
