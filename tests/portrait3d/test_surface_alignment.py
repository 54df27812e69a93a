"""The picture turned to the front: a painted surface comes back, from whichever side it was seen."""

from dataclasses import replace

import pytest
import torch

from ball_portrait import TINY
from portrait3d.image_to_plane import ImageToPlane
from portrait3d.surface_alignment import FACE_CENTRE, FACE_RADII, SurfaceAlignment
from portrait3d.training.generator_teacher import orbit_camera

INTRINSICS = torch.tensor([[[4.2647, 0, 0.5], [0, 4.2647, 0.5], [0, 0, 1.0]]])


def paint(xy: torch.Tensor) -> torch.Tensor:
    """Smooth colours (…, 3) in [-1, 1] of places (…, 2)."""
    x, y = xy.unbind(-1)
    return torch.stack([torch.sin(8 * x), torch.cos(7 * y), torch.sin(5 * (x + y))], -1)


def seen_from(alignment: SurfaceAlignment, camera: torch.Tensor, side: int) -> torch.Tensor:
    """A picture of the painted surface: for every pixel the painted point that projects nearest to it."""
    points = alignment.surface(512).reshape(-1, 3)
    points = points[(points[:, :2] - torch.tensor([0.0, 0.09])).norm(dim=1) < 0.22]
    inside = (points - camera[0, :3, 3]) @ camera[0, :3, :3]
    uv = 4.2647 * inside[:, :2] / inside[:, 2:] + 0.5
    column, row = (uv * side).long().unbind(-1)
    picture = torch.full((side, side, 3), -1.0)
    order = inside[:, 2].argsort(descending=True)  # the nearest is painted last
    picture[row[order], column[order]] = paint(points[order, :2])
    return picture.permute(2, 0, 1)[None]


@pytest.mark.parametrize("yaw", [0.0, 0.35, -0.35])
@torch.no_grad()
def test_paint_comes_back_to_its_place(yaw) -> None:
    alignment = SurfaceAlignment(TINY)
    alignment.relief.normal_(generator=torch.Generator().manual_seed(0))
    alignment.relief *= 0.1
    camera = orbit_camera(yaw, 0.1, 2.7)[None]
    answer = alignment(seen_from(alignment, camera, 256), camera, INTRINSICS, 64)[0]
    front, seen = answer[:3].permute(1, 2, 0), answer[3]
    points = alignment.surface(64)
    near = (points[..., :2] - torch.tensor([0.0, 0.09])).norm(dim=-1) < 0.12
    error = (front - paint(points[..., :2]))[near & (seen > 0.99)].abs()
    assert int((near & (seen > 0.99)).sum()) > 80
    assert float(error.median()) < 0.03  # a pixel of the picture is 0.005 wide, where paint changes by 0.04


def test_a_surface_is_seen_from_where_its_normal_points() -> None:
    alignment = SurfaceAlignment(TINY)
    nose = torch.tensor(FACE_CENTRE) + torch.tensor([0.0, 0.0, FACE_RADII[2]])
    left = torch.tensor(FACE_CENTRE) + torch.tensor([FACE_RADII[0], 0.0, 0.0])
    places = torch.tensor([[0.0, 0.028, 3.0], [3.0, 0.028, -0.044], [-3.0, 0.028, -1.0]])
    assert alignment.facing(torch.stack([nose, left]), places).tolist() == [[1, 0], [0, 1], [0, 0]]


@torch.no_grad()
def test_what_is_not_seen_is_mirrored() -> None:
    """A red picture seen from the subject's left: the right half is red, too, though it was not seen."""
    red = torch.full((1, 3, 64, 64), -1.0)
    red[:, 0] = 1.0
    camera = orbit_camera(1.2, 0.0, 2.7)[None]
    front = SurfaceAlignment(TINY)(red, camera, INTRINSICS, 64)[0]
    assert float(front[3, 28, 40]) == 1 and float(front[3, 28, 23]) < 0.3
    assert front[:3, 28, 40].tolist() == pytest.approx([1, -1, -1])
    assert front[:3, 28, 23].tolist() == pytest.approx([1, -1, -1], abs=1e-4)


def test_rows_go_down_and_columns_to_the_right() -> None:
    points = SurfaceAlignment(TINY).surface(8)
    assert points[0, 0, :2].tolist() == pytest.approx([-0.4375, 0.4375])
    assert points[-1, -1, :2].tolist() == pytest.approx([0.4375, -0.4375])


def test_the_encoder_asks_for_the_camera() -> None:
    torch.manual_seed(0)
    encoder = ImageToPlane(replace(TINY, encoder_aligned=True))
    head = torch.rand(1, 3, 128, 128) * 2 - 1
    with pytest.raises(ValueError, match="need the picture's camera"):
        encoder(head)
    camera = orbit_camera(0.2, 0.0, 2.7)[None]
    planes = encoder(head, camera, INTRINSICS)
    planes.square().sum().backward()
    assert planes.shape == (1, 3, 4, 32, 32)
    assert float(encoder.alignment.relief.grad.abs().sum()) > 0
