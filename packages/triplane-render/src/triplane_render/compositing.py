"""Weighing the samples of a ray, front to back."""

from typing import Literal, get_args

import torch
from torch import Tensor
from torch.nn import functional as F

from triplane_render.errors import InputError

MarchRule = Literal["alpha", "midpoint"]
DensityActivation = Literal["softplus", "relu", "none"]


def check_choice(name: str, value: str, choices: object) -> None:
    """Raise `InputError` unless `value` is one of a Literal's choices."""
    if value not in get_args(choices):
        raise InputError(name, f"{value!r} is not known", f"Use one of {', '.join(get_args(choices))}.")


def activate_density(logits: Tensor, activation: DensityActivation) -> Tensor:
    """Density >= 0 from logits: "softplus" is EG3D's softplus(x - 1), "relu" max(x, 0), "none" x itself."""
    if activation == "softplus":
        return F.softplus(logits - 1)
    return logits.relu() if activation == "relu" else logits


def ray_weights_reference(densities: Tensor, deltas: Tensor) -> Tensor:
    """weight_i = T_i (1 - exp(-density_i delta_i)),  T_i = exp(-sum_{j<i} density_j delta_j).

    Source: Max 1995, equation 3, as in NeRF.

    Args:
        densities: (..., S) >= 0, in 1 / world unit.
        deltas: (..., S) >= 0, world units.

    Returns:
        (..., S); their sum is <= 1.
    """
    thickness = densities * deltas
    before = torch.cumsum(thickness, -1) - thickness
    return torch.exp(-before) * -torch.expm1(-thickness)


def composite_rays_reference(
    densities: Tensor,
    features: Tensor,
    depths: Tensor,
    *,
    deltas: Tensor | None = None,
    rule: MarchRule = "alpha",
    density_activation: DensityActivation = "none",
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Blend the samples of each ray, front to back.

    Rule "alpha": each sample stands for a cell of width delta. Rule "midpoint" (EG3D, from MipNeRF): each
    interval between two samples takes the mean of their depths, features and *logits*, and its own width.

    Args:
        densities: (..., S); logits where `density_activation` is not "none", else densities >= 0.
        features: (..., S, C); any range.
        depths: (..., S) increasing distances along the ray.
        deltas: (..., S) cell widths, rule "alpha" only. None: cells end half-way between neighbours and are
            symmetric about the first and the last sample (needs S >= 2).
        rule: "alpha" or "midpoint".
        density_activation: "softplus", "relu" or "none"; see `activate_density`.

    Returns:
        features (..., C), depth (...), opacity (...) in [0, 1], weights (..., S) ("midpoint": S - 1).
        Features and depth are sums of weight * value. Differentiable in densities and features.

    Raises:
        InputError: If the shapes do not fit, an option is not known, or S is too small.
    """
    check_choice("rule", rule, MarchRule)
    check_choice("density_activation", density_activation, DensityActivation)
    if features.shape[:-1] != densities.shape or depths.shape != densities.shape:
        raise InputError(
            "features",
            f"densities, features, depths must be (..., S), (..., S, C), (..., S), got "
            f"{tuple(densities.shape)}, {tuple(features.shape)}, {tuple(depths.shape)}",
            "Expand them to one leading shape.",
        )
    if densities.shape[-1] < 2 and (rule == "midpoint" or deltas is None):
        raise InputError("samples", "one sample alone has no width", "Give deltas, or two samples.")
    if rule == "midpoint":
        deltas = depths[..., 1:] - depths[..., :-1]
        depths = (depths[..., :-1] + depths[..., 1:]) / 2
        densities = (densities[..., :-1] + densities[..., 1:]) / 2
        features = (features[..., :-1, :] + features[..., 1:, :]) / 2
    elif deltas is None:
        middles = (depths[..., :-1] + depths[..., 1:]) / 2
        first, last = 2 * depths[..., :1] - middles[..., :1], 2 * depths[..., -1:] - middles[..., -1:]
        edges = torch.cat([first, middles, last], -1)
        deltas = edges[..., 1:] - edges[..., :-1]
    weights = ray_weights_reference(activate_density(densities, density_activation), deltas)
    return (
        (weights[..., None, :] @ features)[..., 0, :],
        (weights * depths).sum(-1),
        weights.sum(-1),
        weights,
    )


def composite_rays(
    densities: Tensor,
    features: Tensor,
    depths: Tensor,
    *,
    deltas: Tensor | None = None,
    rule: MarchRule = "alpha",
    density_activation: DensityActivation = "none",
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Blend the samples of each ray, front to back; see `composite_rays_reference`."""
    return composite_rays_reference(
        densities, features, depths, deltas=deltas, rule=rule, density_activation=density_activation
    )
