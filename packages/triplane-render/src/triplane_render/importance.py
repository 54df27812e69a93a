"""Placing further samples where a first march found something."""

import torch
from torch import Tensor
from torch.nn import functional as F

from triplane_render.errors import InputError

PDF_FLOOR = 1e-5  # NeRF's: keeps a ray that met nothing from dividing by zero
WEIGHT_FLOOR = 0.01  # MipNeRF's, as in EG3D: some samples go everywhere


def sample_pdf_reference(bins: Tensor, weights: Tensor, count: int) -> Tensor:
    """Inverse-transform samples of a piecewise constant density, at equal steps of its integral.

    Deterministic: u = 0, 1/(count-1), ..., 1 (NeRF, Mildenhall et al. 2020, section 5.2, with equal steps in
    place of random ones). 1e-5 is added to every weight.

    Args:
        bins: (..., K + 1) increasing bin edges.
        weights: (..., K) >= 0, not normalised.
        count: Samples per row, >= 1.

    Returns:
        (..., count) increasing, in [bins[0], bins[-1]]. Not differentiable.

    Raises:
        InputError: If the shapes do not fit or count < 1.
    """
    edges, cells = tuple(bins.shape), tuple(weights.shape)
    if edges[:-1] != cells[:-1] or edges[-1] != cells[-1] + 1 or cells[-1] < 1:
        raise InputError(
            "bins", f"must have one edge more than weights, got {edges} and {cells}",
            "Give the K + 1 edges of K >= 1 bins.",
        )  # fmt: skip
    if count < 1:
        raise InputError("count", f"must be >= 1, got {count}", "Ask for one sample or more.")
    bins, weights = bins.detach(), weights.detach() + PDF_FLOOR
    cdf = F.pad(torch.cumsum(weights / weights.sum(-1, keepdim=True), -1), (1, 0))
    u = torch.linspace(0, 1, count, dtype=bins.dtype, device=bins.device).expand(*bins.shape[:-1], count)
    upper = torch.searchsorted(cdf, u.contiguous(), right=True)
    below, above = (upper - 1).clamp_min(0), upper.clamp_max(weights.shape[-1])
    cdf_below, cdf_above = cdf.gather(-1, below), cdf.gather(-1, above)
    bin_below, bin_above = bins.gather(-1, below), bins.gather(-1, above)
    span = cdf_above - cdf_below
    span = torch.where(span < PDF_FLOOR, 1, span)
    return bin_below + (u - cdf_below) / span * (bin_above - bin_below)


def sample_pdf(bins: Tensor, weights: Tensor, count: int) -> Tensor:
    """Samples of a piecewise constant density at equal steps; see `sample_pdf_reference`."""
    return sample_pdf_reference(bins, weights, count)


def importance_depths_reference(depths: Tensor, weights: Tensor, count: int) -> Tensor:
    """Where to look again after a coarse march by the mid-point rule, as EG3D does.

    Weights are widened (the mean of neighbouring maxima, MipNeRF, Barron et al. 2021, section 3.3, plus 0.01)
    and taken as the density between mid-points of the coarse samples; the last mid-point is not an edge.

    Args:
        depths: (..., S) coarse distances, S >= 4.
        weights: (..., S - 1) of the intervals between them.
        count: New samples per ray.

    Returns:
        (..., count) distances, increasing.

    Raises:
        InputError: If S < 4.
    """
    if depths.shape[-1] < 4:
        cause = f"must be >= 4 with importance samples, got {depths.shape[-1]}"
        raise InputError("samples", cause, "Raise it.")
    padded = F.pad(weights, (1, 1), value=0.0)
    maxima = torch.maximum(padded[..., :-1], padded[..., 1:])
    widened = (maxima[..., :-1] + maxima[..., 1:]) / 2 + WEIGHT_FLOOR
    middles = (depths[..., :-1] + depths[..., 1:]) / 2
    return sample_pdf_reference(middles[..., :-1], widened[..., 1:-1], count)
