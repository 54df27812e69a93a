"""The dome of the head: a point painted on it keeps its place from wherever it is seen."""

import pytest
import torch
from torch import Tensor

from face3dmm import Camera
from portrait3d.head_dome import CENTRE, RADII, REACH, dome_places

GRID = 64


def seen_from(pitch: float, yaw: float, roll: float = 0.0) -> tuple[Tensor, Tensor]:
    euler = torch.tensor([pitch, yaw, roll], dtype=torch.float64)
    camera = Camera.from_head_pose(euler, torch.tensor([0.1, -0.2, 0.3], dtype=torch.float64))
    return camera.camera_to_world, camera.intrinsics


def on_dome(place: Tensor) -> Tensor:
    """World points (..., 3) of places (..., 2), from the dome's own equation."""
    across = place.double() * place.new_tensor(REACH)
    left = 1 - (across / place.new_tensor(RADII[:2])).square().sum(-1, keepdim=True)
    return torch.cat([across, RADII[2] * left.clamp_min(0).sqrt()], -1) + place.new_tensor(CENTRE)


def pixels_of(points: Tensor, pose: Tensor, lens: Tensor) -> Tensor:
    """Columns and rows (..., 2), pixels of GRID, at which a camera sees points."""
    in_camera = (points - pose[:3, 3]) @ pose[:3, :3]
    return (in_camera / in_camera[..., 2:] @ lens.T)[..., :2] * GRID - 0.5


@pytest.mark.parametrize("pose", [(0.0, 0.0, 0.0), (0.2, -0.4, 0.1), (-0.3, 0.5, -0.2)])
def test_the_camera_sees_what_is_painted_at_a_place_at_that_pixel(pose):
    camera, lens = seen_from(*pose)
    every = slice(0, GRID)
    places = dome_places(camera, lens, every, every, GRID)
    row, column = torch.meshgrid(torch.arange(GRID).double(), torch.arange(GRID).double(), indexing="ij")
    seen = pixels_of(on_dome(places), camera, lens)
    torch.testing.assert_close(seen, torch.stack([column, row], -1), rtol=0, atol=1e-9)
    beside = (on_dome(places)[..., 2] == CENTRE[2]).double().mean()
    assert 0.2 < beside < 0.9  # some pixels meet the dome, others the plane of its rim


def test_a_window_has_the_places_of_the_whole():
    camera, lens = seen_from(0.1, 0.2)
    whole = dome_places(camera, lens, slice(0, GRID), slice(0, GRID), GRID)
    part = dome_places(camera, lens, slice(10, 30), slice(20, 60), GRID)
    assert torch.equal(part, whole[10:30, 20:60])


def test_the_head_fills_the_chart_and_no_more():
    camera, lens = seen_from(0.0, 0.0)
    places = dome_places(camera, lens, slice(0, GRID), slice(0, GRID), GRID)
    middle = places[GRID // 2, GRID // 2]
    assert middle.abs().max() < 0.3
    assert places[..., 0].diff(dim=1).min() > 0  # right in the picture is right in the chart
    assert places[..., 1].diff(dim=0).max() < 0  # down in the picture is down in the chart
