"""What holds for every pose, person and expression: rotations, linearity, cameras, and a fit that finds
what made its landmarks.
"""

import math

import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor

from face3dmm import (
    ARKIT_NAMES,
    Camera,
    FaceModel,
    FitConfig,
    euler_from_rotation,
    fit_landmarks,
    rotation_from_euler,
)
from face3dmm.camera import FOCAL, model_to_world, world_to_model
from face3dmm.landmarks import MESH, mouth_opening
from posed_faces import degrees_between, face_motion, landmarks_of

MODEL = FaceModel.open_face()
# For landmarks without any error, none of which counts more than another.
EXACT = FitConfig(noise=5e-4, at_rest=1.0, lips=1.0, upper_lids=1.0, eyes=1.0, gap_share=1.0, steps=(20, 10))

quick = settings(max_examples=50, deadline=None)
angle, seed = st.floats(-math.pi, math.pi), st.integers(0, 2**31 - 1)
weight = st.floats(-3, 3)
head_turn = st.floats(-1.2, 1.2)
euler_angles = st.tuples(angle, angle, angle).map(lambda e: torch.tensor(e, dtype=torch.float64))
poses = st.tuples(head_turn, head_turn, head_turn, *[st.floats(-2, 2)] * 3).map(
    lambda pose: torch.tensor(pose, dtype=torch.float64).split(3)
)


def normal(size: int, number: int) -> Tensor:
    return torch.randn(size, generator=torch.Generator().manual_seed(number))


@quick
@given(euler_angles)
def test_rotations_are_orthonormal_and_do_not_reflect(euler: Tensor) -> None:
    rotation = rotation_from_euler(euler)
    torch.testing.assert_close(rotation @ rotation.T, torch.eye(3, dtype=torch.float64), atol=1e-12, rtol=0)
    assert abs(float(torch.linalg.det(rotation)) - 1) < 1e-12


@quick
@given(euler_angles)
def test_any_rotation_is_found_again(euler: Tensor) -> None:
    # Beyond a yaw of 90 degrees the angles are others, the rotation is the same.
    assume(abs(math.cos(float(euler[1]))) > 1e-3)  # at 90 degrees pitch and roll are one turn
    rotation = rotation_from_euler(euler)
    again = euler_from_rotation(rotation)
    assert abs(float(again[1])) <= math.pi / 2
    torch.testing.assert_close(rotation_from_euler(again), rotation, atol=1e-9, rtol=0)


@quick
@given(st.tuples(angle, st.floats(-1.5, 1.5), angle))
def test_angles_are_found_again(euler: tuple[float, float, float]) -> None:
    given_angles = torch.tensor(euler, dtype=torch.float64)
    turn = euler_from_rotation(rotation_from_euler(given_angles)) - given_angles
    # -pi and pi are one angle.
    torch.testing.assert_close(torch.sin(turn), torch.zeros(3, dtype=torch.float64), atol=1e-9, rtol=0)
    assert float(torch.cos(turn).min()) > 0


@quick
@given(seed, weight)
def test_vertices_are_linear_in_the_person_and_in_the_expression(number: int, factor: float) -> None:
    one, two = normal(80, number), normal(80, number + 1)
    first, second = normal(64, number + 2), normal(64, number + 3)

    def offset(identity: Tensor, expression: Tensor) -> Tensor:
        return MODEL.vertices(identity, expression) - MODEL.mean

    torch.testing.assert_close(
        offset(one + factor * two, first + factor * second),
        offset(one, first) + factor * offset(two, second),
        atol=1e-5,
        rtol=0,
    )
    # A person keeps the person's shape whatever the face does, and the other way round.
    none, rest = torch.zeros(80), torch.zeros(64)
    torch.testing.assert_close(offset(one, first), offset(one, rest) + offset(none, first), atol=1e-5, rtol=0)
    assert torch.equal(offset(none, rest), torch.zeros_like(MODEL.mean))


@quick
@given(poses, seed)
def test_a_projected_point_lies_on_its_ray(pose: tuple[Tensor, Tensor], number: int) -> None:
    camera = Camera.from_head_pose(*pose)
    points = model_to_world(0.5 * normal(30, number).double().reshape(10, 3))
    uv, depth = camera.project(points)
    rays = torch.cat([uv, torch.ones(10, 1, dtype=torch.float64)], 1) @ torch.linalg.inv(camera.intrinsics).T
    in_camera = rays * depth.unsqueeze(1)
    back = in_camera @ camera.camera_to_world[:3, :3].T + camera.camera_to_world[:3, 3]
    torch.testing.assert_close(back, points, atol=1e-10, rtol=0)
    torch.testing.assert_close(model_to_world(world_to_model(points)), points, atol=1e-12, rtol=0)


@quick
@given(poses, seed)
def test_the_moving_camera_sees_the_posed_head(pose: tuple[Tensor, Tensor], number: int) -> None:
    # docs/conventions.md: the camera stands at (0, 0, 10) and looks along -z.
    euler, translation = pose
    points = 0.5 * normal(30, number).double().reshape(10, 3)
    x, y, z = (points @ rotation_from_euler(euler).T + translation).unbind(1)
    wanted = torch.stack([0.5 + FOCAL * x / (10 - z), 0.5 - FOCAL * y / (10 - z)], 1)
    uv, depth = Camera.from_head_pose(euler, translation).project(model_to_world(points))
    torch.testing.assert_close(uv, wanted, atol=1e-10, rtol=0)
    torch.testing.assert_close(depth, 0.27 * (10 - z), atol=1e-10, rtol=0)


@settings(max_examples=6, deadline=None)
@given(seed)
def test_fit_recovers_what_it_generated(number: int) -> None:
    truth = face_motion(6, number)
    landmarks = landmarks_of(MODEL, truth, 512)
    found = fit_landmarks(MODEL, landmarks, 512, config=EXACT)
    missed = (landmarks_of(MODEL, found, 512) - landmarks)[:, :MESH, :2].norm(dim=-1)
    assert float(missed.mean(1).max()) < 0.2  # pixels
    assert float(degrees_between(found.euler, truth.euler).max()) < 1.0
    wide = torch.zeros(64)
    wide[ARKIT_NAMES.index("jawOpen")] = 1.0
    span = float(mouth_opening(MODEL.vertices(torch.zeros(80), wide)[:MESH, :2]))
    # The lips as seen from the front: how far one lies behind the other no picture of them tells.
    opened, wanted = (
        mouth_opening(MODEL.vertices(c.identity, c.expression)[:, :MESH, :2]) for c in (found, truth)
    )
    assert float((opened - wanted).abs().max()) < 0.03 * span
