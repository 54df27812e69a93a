"""Reading planes at points."""

import pytest
import torch

from triplane_render import InputError, PlaneLayout, sample_planes, sample_planes_reference


def test_between_texels_outside_and_at_the_border() -> None:
    # Worked by hand. One row of two texels, 2 and 6, on each plane; texel centres at x = -0.25 and 0.25. All
    # planes are equal, so each gives the value of its own column coordinate (one row: its centre is 0).
    planes = torch.tensor([2.0, 6.0], dtype=torch.float64).expand(1, 3, 1, 1, 2)
    points = torch.tensor(
        [[[0.0, 0.0, 0.0], [-0.25, 0.0, 0.0], [0.9, 0.9, 0.9], [0.5, 0.0, 0.0]]], dtype=torch.float64
    )
    # Columns: plane 0 and 1 read x, plane 2 (ZY) reads z = 0, half-way: 4. At x = 0.5 half of 6 is left: 3.
    wanted = [4.0, (2 + 2 + 4) / 3, 0.0, (3 + 3 + 4) / 3]
    assert sample_planes(planes, points).flatten().tolist() == pytest.approx(wanted)


def test_tri_grid_blends_slices() -> None:
    # Two slices, 0 and 1, of one texel each: along depth the value goes from 0 to 1 between -0.25 and 0.25.
    planes = torch.tensor([0.0, 1.0], dtype=torch.float64).reshape(1, 1, 1, 2, 1, 1).expand(1, 3, 1, 2, 1, 1)
    point = torch.tensor([[[0.125, 0.125, 0.125]]], dtype=torch.float64)
    across = 1 - 0.125  # one texel as wide as the box fades towards its neighbours, which are zero
    assert sample_planes(planes, point).item() == pytest.approx(0.75 * across * across)


def test_box_warp_scales() -> None:
    planes = torch.randn(2, 3, 4, 6, 5, dtype=torch.float64)
    points = torch.rand(2, 7, 3, dtype=torch.float64) - 0.5
    for layout in PlaneLayout:
        whole = sample_planes(planes, points * 2.5, layout, box_warp=2.5)
        assert torch.allclose(whole, sample_planes_reference(planes, points, layout), atol=1e-12)


def test_empty_and_wrong_points() -> None:
    planes = torch.zeros(1, 3, 4, 6, 5)
    assert sample_planes(planes, torch.zeros(1, 0, 3)).shape == (1, 0, 4)
    with pytest.raises(InputError, match=r"points: must be \(1, M, 3\), got \(2, 3, 3\)"):
        sample_planes(planes, torch.zeros(2, 3, 3))
