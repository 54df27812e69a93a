"""Frames and signs, against docs/conventions.md worked by hand."""

import math

import pytest
import torch

from face3dmm import Camera, euler_from_rotation, rotation_from_euler
from face3dmm.camera import model_to_world, world_to_model


def picture_formula(vertices: torch.Tensor, euler: torch.Tensor, translation: torch.Tensor) -> torch.Tensor:
    """u and v exactly as conventions.md states them, with no camera in between."""
    (a, b, c), (sin, cos) = euler.tolist(), (math.sin, math.cos)
    rx = torch.tensor([[1, 0, 0], [0, cos(a), -sin(a)], [0, sin(a), cos(a)]], dtype=torch.float64)
    ry = torch.tensor([[cos(b), 0, sin(b)], [0, 1, 0], [-sin(b), 0, cos(b)]], dtype=torch.float64)
    rz = torch.tensor([[cos(c), -sin(c), 0], [sin(c), cos(c), 0], [0, 0, 1]], dtype=torch.float64)
    x, y, z = ((rz @ ry @ rx) @ vertices.T + translation[:, None]).unbind(0)
    return torch.stack([0.5 + 4.2647 * x / (10 - z), 0.5 - 4.2647 * y / (10 - z)], -1)


def test_a_point_by_hand() -> None:
    # Zero pose, z = 0: u = 0.5 + 4.2647 * 1 / 10 and v = 0.5 - 4.2647 * 0.5 / 10.
    camera = Camera.from_head_pose(torch.zeros(3), torch.zeros(3))
    uv, depth = camera.project(model_to_world(torch.tensor([[1.0, 0.5, 0.0]])))
    assert uv[0].tolist() == pytest.approx([0.92647, 0.286765], abs=1e-6)
    assert depth[0].item() == pytest.approx(2.7)  # the nominal camera radius


def test_yaw_turns_the_nose_to_the_right_of_the_picture() -> None:
    # Ry(+90 degrees) carries +z to +x, so positive yaw looks to the picture's right: the subject's left.
    camera = Camera.from_head_pose(torch.tensor([0.0, 0.5, 0.0]), torch.zeros(3))
    nose = model_to_world(torch.tensor([[0.0, 0.0, 0.5]]))
    assert camera.project(nose)[0][0, 0] > 0.5
    # Rx(+) carries +z to -y: positive pitch looks down.
    camera = Camera.from_head_pose(torch.tensor([0.5, 0.0, 0.0]), torch.zeros(3))
    assert camera.project(nose)[0][0, 1] > 0.5
    # Rz(+) carries +y to -x: positive roll leans the crown to the picture's left.
    camera = Camera.from_head_pose(torch.tensor([0.0, 0.0, 0.5]), torch.zeros(3))
    assert camera.project(model_to_world(torch.tensor([[0.0, 1.0, 0.0]])))[0][0, 0] < 0.5


def test_moving_camera_and_moving_head_give_one_picture() -> None:
    generator = torch.Generator().manual_seed(0)
    vertices = torch.randn(20, 3, generator=generator, dtype=torch.float64)
    for _ in range(5):
        euler = torch.randn(3, generator=generator, dtype=torch.float64) * 0.5
        translation = torch.randn(3, generator=generator, dtype=torch.float64)
        uv, _ = Camera.from_head_pose(euler, translation).project(model_to_world(vertices))
        torch.testing.assert_close(uv, picture_formula(vertices, euler, translation), atol=1e-12, rtol=0)


def test_frames_of_a_clip_project_one_by_one() -> None:
    euler, translation, vertices = torch.randn(4, 3) * 0.3, torch.randn(4, 3), torch.randn(7, 3)
    clip = Camera.from_head_pose(euler, translation)
    uv, depth = clip.project(vertices)
    assert uv.shape == (4, 7, 2)
    assert depth.shape == (4, 7)
    single = Camera.from_head_pose(euler[2], translation[2]).project(vertices)[0]
    torch.testing.assert_close(uv[2], single)


def test_camera_to_world_is_rigid_and_at_nominal_distance() -> None:
    camera = Camera.from_head_pose(torch.zeros(3), torch.zeros(3))
    rotation, centre = camera.camera_to_world[:3, :3], camera.camera_to_world[:3, 3]
    torch.testing.assert_close(rotation, torch.diag(torch.tensor([1.0, -1.0, -1.0])))
    # 0.27 * (0, 0, 10) + (0, 0.006, 0.161)
    torch.testing.assert_close(centre, torch.tensor([0.0, 0.006, 2.861]))
    turned = Camera.from_head_pose(torch.tensor([0.3, -0.4, 0.1]), torch.ones(3)).camera_to_world[:3, :3]
    torch.testing.assert_close(turned.T @ turned, torch.eye(3), atol=1e-6, rtol=0)
    assert torch.linalg.det(turned).item() == pytest.approx(1.0, abs=1e-5)


def test_crop_is_the_same_picture_through_a_window() -> None:
    camera = Camera.from_head_pose(torch.tensor([[0.1, 0.2, 0.3]]), torch.zeros(1, 3))
    points = torch.randn(9, 3) * 0.1
    whole, part = camera.project(points)[0], camera.crop(0.25, 0.1, 0.5).project(points)[0]
    torch.testing.assert_close(part, (whole - torch.tensor([0.25, 0.1])) / 0.5)
    lens = camera.crop(0.25, 0.1, 0.5).intrinsics[0]
    assert lens[0, 0].item() == pytest.approx(4.2647 / 0.5)
    assert (lens[0, 2].item(), lens[1, 2].item()) == pytest.approx(((0.5 - 0.25) / 0.5, (0.5 - 0.1) / 0.5))


def test_rotation_order_and_inverse() -> None:
    euler = torch.tensor([[0.3, -0.7, 1.1], [0.0, 0.0, 0.0], [-0.2, 0.4, -2.0]], dtype=torch.float64)
    one = torch.eye(3, dtype=torch.float64)
    parts = [rotation_from_euler(euler * one[k]) for k in range(3)]
    torch.testing.assert_close(rotation_from_euler(euler), parts[2] @ parts[1] @ parts[0])
    torch.testing.assert_close(euler_from_rotation(rotation_from_euler(euler)), euler)


def test_world_is_the_scaled_and_shifted_model() -> None:
    points = torch.tensor([[1.0, 2.0, -3.0]])
    torch.testing.assert_close(model_to_world(points), torch.tensor([[0.27, 0.546, -0.649]]))
    torch.testing.assert_close(world_to_model(model_to_world(points)), points)


def test_pose_gradients() -> None:
    euler = torch.tensor([0.1, 0.2, 0.3], dtype=torch.float64, requires_grad=True)
    translation = torch.tensor([0.1, -0.2, -3.0], dtype=torch.float64, requires_grad=True)
    points = torch.randn(4, 3, dtype=torch.float64)

    def picture(euler: torch.Tensor, translation: torch.Tensor) -> torch.Tensor:
        return Camera.from_head_pose(euler, translation).project(points)[0]

    assert torch.autograd.gradcheck(picture, (euler, translation))


def test_shapes_are_checked() -> None:
    with pytest.raises(ValueError, match=r"camera_to_world \(3, 4\)"):
        Camera(torch.zeros(3, 4), torch.zeros(3, 3))
