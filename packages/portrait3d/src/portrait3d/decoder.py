"""Plane features -> density and colour features: two linear layers with a softplus between."""

import math

import torch
from torch import Tensor, nn

from triplane_render import DecoderWeights

DENSITY_GAIN = 10.0  # a skin that is opaque within a sample needs densities near 100, colours lie below 1


def effective_linear(layer: nn.Module, features_in: int) -> tuple[Tensor, Tensor]:
    """Weight and bias that a linear layer has in effect, whatever wraps it.

    The fused renderer takes bare weights, while LoRA wraps the layer. An affine map is known from what it
    does to the unit vectors and to zero, so this holds for any wrapper and stays differentiable.

    Args:
        layer: A module that maps (N, features_in) affinely to (N, features_out).
        features_in: Its input width.

    Returns:
        weight (features_out, features_in) and bias (features_out,).
    """
    parameter = next(layer.parameters())
    probe = torch.zeros(features_in + 1, features_in, dtype=parameter.dtype, device=parameter.device)
    probe[:features_in].fill_diagonal_(1)
    answer = layer(probe)
    bias = answer[-1]
    return (answer[:-1] - bias).T.contiguous(), bias.contiguous()


class PlaneDecoder(nn.Module):
    """The small decoder of EG3D (Chan et al. 2022, section 4.2): C -> hidden -> 1 + features."""

    def __init__(self, channels: int, hidden: int, features: int) -> None:
        super().__init__()
        self.channels, self.hidden = channels, hidden
        self.fc1 = nn.Linear(channels, hidden)
        self.fc2 = nn.Linear(hidden, 1 + features)
        for layer in (self.fc1, self.fc2):
            nn.init.normal_(layer.weight, std=1 / math.sqrt(layer.in_features))
            nn.init.zeros_(layer.bias)

    def weights(self) -> DecoderWeights:
        """The weights as the renderer takes them, with any LoRA included."""
        w1, b1 = effective_linear(self.fc1, self.channels)
        w2, b2 = effective_linear(self.fc2, self.hidden)
        gain = torch.ones_like(b2)
        gain[0] = DENSITY_GAIN
        w2, b2 = w2 * gain[:, None], b2 * gain
        return DecoderWeights(w1, b1, w2, b2)
