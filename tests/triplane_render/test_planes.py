"""Layouts of planes."""

import pytest
import torch

from triplane_render import InputError, PlaneLayout, Planes, sample_planes

# The published plane axes of EG3D (Chan et al. 2022): a point is projected by the inverse of each matrix and
# its first two coordinates are taken.
EG3D_AXES = torch.tensor(
    [
        [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
        [[1, 0, 0], [0, 0, 1], [0, 1, 0]],
        [[0, 0, 1], [1, 0, 0], [0, 1, 0]],
    ],
    dtype=torch.float64,
)


def test_eg3d_projects_as_its_matrices_do() -> None:
    point = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)
    projected = [tuple((point @ axes.inverse()).tolist()) for axes in EG3D_AXES]
    assert projected == [tuple(point[list(axes)].tolist()) for axes in PlaneLayout.EG3D.axes]
    assert [pair[:2] for pair in projected] == [(1, 2), (1, 3), (3, 1)]  # XY, XZ, ZX: never YZ


def test_orthogonal_sees_every_pair() -> None:
    assert {frozenset(axes[:2]) for axes in PlaneLayout.ORTHOGONAL.axes} == {
        frozenset(pair) for pair in ((0, 1), (0, 2), (1, 2))
    }


@pytest.mark.parametrize(
    ("layout", "wanted"),
    [
        (PlaneLayout.EG3D, [(0.1, 0.2), (0.1, 0.3), (0.3, 0.1)]),
        (PlaneLayout.ORTHOGONAL, [(0.1, 0.2), (0.1, 0.3), (0.3, 0.2)]),
    ],
)
def test_planes_that_hold_their_own_coordinates(
    layout: PlaneLayout, wanted: list[tuple[float, float]]
) -> None:
    # Channel 0 of a plane is the position of a column, channel 1 of a row: bilinear reading returns them.
    centres = (torch.arange(8, dtype=torch.float64) + 0.5) / 8 - 0.5
    ramp = torch.stack([centres.expand(8, 8), centres[:, None].expand(8, 8)])
    point = torch.tensor([[[0.1, 0.2, 0.3]]], dtype=torch.float64)
    for plane in range(3):
        planes = torch.zeros(1, 3, 2, 8, 8, dtype=torch.float64)
        planes[0, plane] = ramp
        read = 3 * sample_planes(planes, point, layout)[0, 0]  # the mean over three, two of them zero
        assert read.tolist() == pytest.approx(wanted[plane])


def test_wrong_shapes_are_refused() -> None:
    with pytest.raises(InputError, match="planes: must be"):
        Planes(torch.zeros(1, 2, 4, 8, 8))
    with pytest.raises(InputError, match="empty dimension"):
        Planes(torch.zeros(1, 3, 4, 0, 8))
    with pytest.raises(InputError, match="box_warp"):
        Planes(torch.zeros(1, 3, 4, 8, 8), box_warp=0.0)
