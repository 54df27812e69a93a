"""Rays from cameras, and where they meet a box."""

import pytest
import torch

from triplane_render import InputError, Rays, RenderOutput, intersect_box, intersect_box_reference


def test_pixel_centres_row_by_row() -> None:
    # Worked by hand: 1 row, 2 columns, fx = 1, fy = 2, principal point in the middle: u = 1/4, 3/4; v = 1/2.
    intrinsics = torch.tensor([[[1.0, 0.0, 0.5], [0.0, 2.0, 0.5], [0.0, 0.0, 1.0]]], dtype=torch.float64)
    pose = torch.eye(4, dtype=torch.float64)[None].clone()
    pose[0, :3, 3] = torch.tensor([1.0, 2.0, 3.0])
    rays = Rays.from_camera(pose, intrinsics, (1, 2))
    side = torch.tensor([0.25, 0.0, 1.0], dtype=torch.float64)
    right = side / side.norm()
    assert torch.allclose(rays.directions[0, 1], right)
    assert torch.allclose(rays.directions[0, 0], right * torch.tensor([-1.0, 1.0, 1.0]))
    assert torch.equal(rays.origins[0], torch.tensor([[1.0, 2.0, 3.0]] * 2, dtype=torch.float64))


def test_rows_go_down_the_picture() -> None:
    intrinsics = torch.tensor([[[4.0, 0.0, 0.5], [0.0, 4.0, 0.5], [0.0, 0.0, 1.0]]])
    rays = Rays.from_camera(torch.eye(4)[None], intrinsics, 4)
    grid = rays.directions.reshape(4, 4, 3)
    assert bool((grid[1:, :, 1] > grid[:-1, :, 1]).all())  # OpenCV: y down
    assert bool((grid[:, 1:, 0] > grid[:, :-1, 0]).all())


def test_points_project_back_to_their_pixels() -> None:
    draw = torch.Generator().manual_seed(1)
    rotation = torch.linalg.qr(torch.randn(3, 3, generator=draw, dtype=torch.float64))[0]
    pose = torch.eye(4, dtype=torch.float64)[None].clone()
    pose[0, :3, :3], pose[0, :3, 3] = rotation, torch.tensor([0.3, -0.2, 2.0])
    intrinsics = torch.tensor([[[3.0, 0.1, 0.4], [0.0, 2.5, 0.6], [0.0, 0.0, 1.0]]], dtype=torch.float64)
    rays = Rays.from_camera(pose, intrinsics, (3, 5))
    points = rays.origins + 1.7 * rays.directions
    in_camera = (points - pose[0, :3, 3]) @ rotation
    pixels = in_camera @ intrinsics[0].T
    uv = pixels[..., :2] / pixels[..., 2:]
    wanted = torch.tensor(
        [[(c + 0.5) / 5, (r + 0.5) / 3] for r in range(3) for c in range(5)], dtype=torch.float64
    )
    assert torch.allclose(uv[0], wanted)


def test_box_by_hand() -> None:
    origins = torch.tensor([[0.0, 0.0, -2.0], [0.0, 0.0, 0.0], [0.0, 2.0, -2.0], [0.0, 0.0, 2.0]])
    directions = torch.tensor([[0.0, 0.0, 1.0]]).expand(4, 3)
    near, far = intersect_box(origins, directions, side=1.0)
    assert near.tolist() == [1.5, 0.0, 0.0, 0.0]  # outside, inside, beside, behind
    assert far.tolist() == [2.5, 0.5, 0.0, 0.0]


def test_box_agrees_with_its_reference() -> None:
    draw = torch.Generator().manual_seed(2)
    origins = torch.randn(500, 3, generator=draw, dtype=torch.float64)
    directions = torch.randn(500, 3, generator=draw, dtype=torch.float64).round(decimals=0)  # many zeros
    directions[(directions == 0).all(-1)] = 1.0
    got, wanted = (
        intersect_box(origins, directions, side=1.3),
        intersect_box_reference(origins, directions, side=1.3),
    )
    for a, b in zip(got, wanted, strict=True):
        assert torch.allclose(a, b, atol=1e-12)
    assert 0 < int((got[1] > got[0]).sum()) < 500
    with pytest.raises(InputError, match="side"):
        intersect_box(origins, directions, side=-1.0)


def test_expected_depth() -> None:
    output = RenderOutput(torch.zeros(1, 2, 1), torch.tensor([[1.0, 0.0]]), torch.tensor([[0.5, 0.0]]))
    assert output.expected_depth(empty=9.0).tolist() == [[2.0, 9.0]]


def test_wrong_shapes_are_refused() -> None:
    with pytest.raises(InputError, match="rays"):
        Rays(torch.zeros(1, 4, 3), torch.zeros(1, 5, 3))
