"""Teachers: people seen from several sides, and an EG3D generator."""

import math

import pytest
import torch

from ball_portrait import ball_clip
from portrait3d.training.generator_teacher import FOCAL, PITCH, RADIUS, YAW, orbit_camera, random_cameras
from portrait3d.training.people import ClipPeople, PersonFacts, camera_yaw
from portrait3d.training.stage import disturbed
from portrait3d.training.teacher import PeopleTeacher


def people(moment: list[int], usable: list[bool]) -> ClipPeople:
    clip = ball_clip(len(moment))
    clip.frames[:, 0, 0, 0] = torch.arange(len(moment), dtype=torch.uint8)  # to tell the frames apart
    facts = PersonFacts(torch.tensor(moment), torch.tensor(usable), torch.zeros(len(moment)), False)
    return ClipPeople([clip], [facts])


def shown(teacher: PeopleTeacher) -> list[list[int]]:
    clips = [teacher.views(2, torch.Generator().manual_seed(seed)) for seed in range(40)]
    return [clip.frames[:, 0, 0, 0].tolist() for clip in clips]


def test_targets_are_the_face_at_rest_whatever_the_source_shows() -> None:
    picks = shown(PeopleTeacher(people([0, 0, 1, 1, 0], [True, True, True, True, False]), at_rest=True))
    assert {pick[0] for pick in picks} == {0, 1, 2, 3}
    assert {frame for pick in picks for frame in pick[1:]} == {0, 1}


def test_targets_are_the_sources_moment() -> None:
    picks = shown(PeopleTeacher(people([0, 0, 1, 1, -1], [True] * 5), at_rest=False))
    assert {pick[0] for pick in picks} == {0, 1, 2, 3}
    assert all(frame // 2 == pick[0] // 2 for pick in picks for frame in pick[1:])


def test_people_seen_from_one_side_teach_nothing() -> None:
    for at_rest in (True, False):
        with pytest.raises(ValueError, match="from two sides"):
            PeopleTeacher(people([-1, -1, 0], [True] * 3), at_rest)


def test_orbit_cameras_look_at_the_pivot() -> None:
    for yaw, pitch in ((0.0, 0.0), (0.5, -0.3), (-0.6, 0.4)):
        camera = orbit_camera(yaw, pitch, 3.0)
        rotation, place = camera[:3, :3], camera[:3, 3]
        assert torch.allclose(rotation.T @ rotation, torch.eye(3), atol=1e-6)
        assert torch.det(rotation) == pytest.approx(1.0, abs=1e-5)
        pivot = torch.tensor([0.0, 0.0, 0.2])
        assert torch.allclose(rotation.T @ (pivot - place), torch.tensor([0.0, 0.0, 3.0]), atol=1e-5)
        assert (
            float((rotation.T @ torch.tensor([0.0, 1.0, 0.0]))[1]) < 0
        )  # up in the world is up in the picture
    assert torch.allclose(
        orbit_camera(0.0, 0.0, 2.5)[:3, :3], torch.diag(torch.tensor([1.0, -1.0, -1.0])), atol=1e-6
    )


def test_a_camera_at_the_side_sees_a_turned_head() -> None:
    """From +x, the subject's left, the head seems to turn to its right: negative yaw."""
    yaw = camera_yaw(torch.stack([orbit_camera(0.3, 0.0, 2.7), orbit_camera(-0.2, 0.1, 2.7)]))
    assert yaw.tolist() == pytest.approx([-0.3, 0.2], abs=1e-5)


def test_random_cameras_stay_in_the_published_ranges() -> None:
    cameras = random_cameras(200, torch.Generator().manual_seed(0))
    away = cameras[:, :3, 3] - torch.tensor([0.0, 0.0, 0.2])
    radius = away.norm(dim=1)
    assert RADIUS[0] <= float(radius.min()) < float(radius.max()) <= RADIUS[1]
    assert float(camera_yaw(cameras).abs().max()) <= YAW + 1e-5
    assert float(torch.asin(away[:, 1] / radius).abs().max()) <= PITCH + 1e-5


def test_a_disturbed_camera_has_turned_about_the_head() -> None:
    camera = orbit_camera(0.2, 0.1, 3.0)[None]
    other = disturbed(camera.expand(4000, 4, 4), 0.01, torch.Generator().manual_seed(0))
    assert torch.allclose(other[:, :3, 3].norm(dim=1), camera[0, :3, 3].norm(), atol=1e-5)
    turn = other[:, :3, :3] @ camera[0, :3, :3].T
    angle = torch.acos(((turn.diagonal(dim1=1, dim2=2).sum(1) - 1) / 2).clamp(-1, 1))
    assert float(angle.square().mean().sqrt()) == pytest.approx(0.01 * math.sqrt(3), rel=0.05)
    assert abs(FOCAL - 2985.29 / 700) < 1e-3
