"""Blending samples front to back."""

import math

import pytest
import torch

from triplane_render import InputError, composite_rays

LN2 = math.log(2)


def test_alpha_by_hand() -> None:
    # Density ln 2 over widths 1, 1, 2: alphas 1/2, 1/2, 3/4; weights 1/2, 1/4, 3/16.
    densities, depths = torch.full((3,), LN2), torch.tensor([0.5, 1.5, 3.0])
    features = torch.tensor([[1.0, 0.0], [0.0, 4.0], [16.0, 0.0]])
    blended, depth, opacity, weights = composite_rays(
        densities, features, depths, deltas=torch.tensor([1.0, 1.0, 2.0])
    )
    assert weights.tolist() == pytest.approx([0.5, 0.25, 0.1875])
    assert blended.tolist() == pytest.approx([3.5, 1.0])
    assert depth.item() == pytest.approx(0.25 + 0.375 + 0.5625)
    assert opacity.item() == pytest.approx(0.9375)


def test_widths_left_out_end_half_way() -> None:
    densities, depths = (
        torch.full((3,), LN2, dtype=torch.float64),
        torch.tensor([1.0, 2.0, 4.0], dtype=torch.float64),
    )
    features = torch.ones(3, 1, dtype=torch.float64)
    explicit = composite_rays(
        densities, features, depths, deltas=torch.tensor([1.0, 1.5, 2.0], dtype=torch.float64)
    )
    for a, b in zip(composite_rays(densities, features, depths), explicit, strict=True):
        assert torch.allclose(a, b)


def test_midpoint_by_hand() -> None:
    # Two intervals. The mean *logit* of the first is 1: softplus(1 - 1) = ln 2 over width 1: weight 1/2; the
    # second likewise over width 2: alpha 3/4, weight 3/8. Features are means of neighbours.
    logits, depths = torch.tensor([0.0, 2.0, 0.0]), torch.tensor([1.0, 2.0, 4.0])
    features = torch.tensor([[0.0], [2.0], [6.0]])
    blended, depth, opacity, weights = composite_rays(
        logits, features, depths, rule="midpoint", density_activation="softplus"
    )
    assert weights.tolist() == pytest.approx([0.5, 0.375])
    assert blended.item() == pytest.approx(0.5 * 1 + 0.375 * 4)
    assert depth.item() == pytest.approx(0.5 * 1.5 + 0.375 * 3)
    assert opacity.item() == pytest.approx(0.875)


def test_weights_telescope_to_opacity() -> None:
    draw = torch.Generator().manual_seed(3)
    densities = torch.rand(5, 12, generator=draw, dtype=torch.float64) * 4
    deltas = torch.rand(5, 12, generator=draw, dtype=torch.float64)
    depths = deltas.cumsum(-1)
    _, _, opacity, _ = composite_rays(
        densities, torch.zeros(5, 12, 1, dtype=torch.float64), depths, deltas=deltas
    )
    assert torch.allclose(opacity, 1 - torch.exp(-(densities * deltas).sum(-1)))


def test_thin_fog_keeps_its_digits() -> None:
    # 1 - exp(-1e-12) is 0 in float32 when it is computed as written.
    one = torch.ones(1)
    _, _, opacity, _ = composite_rays(one * 1e-12, one[:, None], one, deltas=one)
    assert opacity.item() == pytest.approx(1e-12, rel=1e-5)


def test_wrong_input_is_refused() -> None:
    x = torch.zeros(2, 4)
    with pytest.raises(InputError, match="'max' is not known"):
        composite_rays(x, x[..., None], x, rule="max")
    with pytest.raises(InputError, match="features"):
        composite_rays(x, x, x)
    with pytest.raises(InputError, match="no width"):
        composite_rays(x[:, :1], x[:, :1, None], x[:, :1])
