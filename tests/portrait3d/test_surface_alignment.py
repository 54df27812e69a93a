"""The picture turned to the front: a painted surface comes back, from whichever side it was seen."""

from dataclasses import replace

import pytest
import torch

from ball_portrait import TINY
from portrait3d.image_to_plane import ImageToPlane
from portrait3d.surface_alignment import SurfaceAlignment
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
    front = alignment(seen_from(alignment, camera, 256), camera, INTRINSICS, 64)[0].permute(1, 2, 0)
    points = alignment.surface(64)
    near = (points[..., :2] - torch.tensor([0.0, 0.09])).norm(dim=-1) < 0.12
    error = (front - paint(points[..., :2]))[near].abs()
    assert int(near.sum()) > 100
    assert float(error.median()) < 0.03  # a pixel of the picture is 0.005 wide, where paint changes by 0.04


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
