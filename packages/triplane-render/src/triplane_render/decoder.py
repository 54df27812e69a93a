"""The small network that turns plane features into a density logit and colour features."""

from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor
from torch.nn import functional as F

from triplane_render.errors import InputError

FeatureActivation = Literal["sigmoid", "none"]
SIGMOID_MARGIN = 0.001  # as MipNeRF and EG3D: a range of (-0.001, 1.001) lets 0 and 1 be reached


@dataclass(frozen=True)
class DecoderWeights:
    """Two linear layers with a softplus between: C -> H -> 1 + C_out.

    Output 0 is the density logit; the others are features, after `feature_activation`.

    Attributes:
        w1: (H, C).
        b1: (H,).
        w2: (1 + C_out, H).
        b2: (1 + C_out,).
        feature_activation: "sigmoid" is EG3D's sigmoid(x) * (1 + 2 * 0.001) - 0.001; "none" leaves them.

    Raises:
        InputError: If the shapes do not chain, or the activation is not known.
    """

    w1: Tensor
    b1: Tensor
    w2: Tensor
    b2: Tensor
    feature_activation: FeatureActivation = "sigmoid"

    def __post_init__(self) -> None:
        shapes = [tuple(tensor.shape) for tensor in (self.w1, self.b1, self.w2, self.b2)]
        if [len(shape) for shape in shapes] != [2, 1, 2, 1] or not (
            shapes[1][0] == shapes[0][0] == shapes[2][1] and shapes[3][0] == shapes[2][0] >= 1
        ):
            raise InputError(
                "decoder", f"w1, b1, w2, b2 must be (H, C), (H,), (1 + C_out, H), (1 + C_out,), got {shapes}",
                "Give the weights in the order of torch.nn.Linear.",
            )  # fmt: skip
        if self.feature_activation not in get_args(FeatureActivation):
            raise InputError(
                "feature_activation", f"{self.feature_activation!r} is not known",
                f"Use one of {', '.join(get_args(FeatureActivation))}.",
            )  # fmt: skip

    @property
    def features(self) -> int:
        """C_out."""
        return self.w2.shape[0] - 1


def decode_reference(decoder: DecoderWeights, plane_features: Tensor) -> tuple[Tensor, Tensor]:
    """Decode in plain PyTorch.

    Args:
        decoder: The weights.
        plane_features: (..., C).

    Returns:
        density logits (...), features (..., C_out).
    """
    hidden = F.softplus(F.linear(plane_features, decoder.w1, decoder.b1))
    out = F.linear(hidden, decoder.w2, decoder.b2)
    features = out[..., 1:]
    if decoder.feature_activation == "sigmoid":
        features = torch.sigmoid(features) * (1 + 2 * SIGMOID_MARGIN) - SIGMOID_MARGIN
    return out[..., 0], features
