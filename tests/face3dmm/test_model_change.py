"""A face in another model's terms covers the same pixels; the other model is the open one, moved and scaled."""

import pytest
import torch

from face3dmm import ArkitSolve, Camera, FaceModel, ModelChange
from face3dmm.camera import FOCAL
from fake_bfm import SCALE, write_fake_bfm

PUBLISHED_FOCAL = 1015 / 224


@pytest.fixture(scope="module")
def other(tmp_path_factory) -> FaceModel:
    return FaceModel.from_bfm2009(write_fake_bfm(tmp_path_factory.mktemp("models") / "BFM"))


@pytest.fixture(scope="module")
def motion() -> dict[str, torch.Tensor]:
    draw = torch.Generator().manual_seed(3)
    expression = torch.zeros(5, 64)
    expression[:, :52] = 0.4 * torch.rand(5, 52, generator=draw)
    return {
        "identity": torch.randn(80, generator=draw),
        "expression": expression,
        "euler": 0.3 * torch.randn(5, 3, generator=draw),
        "translation": torch.tensor([0.2, 0.1, 0.5]) * torch.randn(5, 3, generator=draw),
    }


def pixels(model, identity, expression, euler, translation, focal=FOCAL):
    """(T, 468, 2) of a picture 512 wide."""
    camera = Camera.from_head_pose(euler, translation, focal)
    points = model.vertices(identity, expression)[:, model.landmarks_468]
    return camera.project(camera.model_to_world(points))[0] * 512


def test_the_same_face_is_found_in_a_model_that_was_moved_and_scaled(other, motion):
    whole, identity = FaceModel.open_face(), motion["identity"]
    change = ModelChange.between(whole, other, identity, identity, ArkitSolve(distance=1e-6))
    assert change.scale == pytest.approx(1 / SCALE, rel=1e-4)
    torch.testing.assert_close(change.rotation, torch.eye(3), atol=1e-4, rtol=0)
    true = pixels(whole, **motion)
    euler, translation = change.pose(motion["euler"], motion["translation"])
    drawn = pixels(other, identity, change.expression(motion["expression"]), euler, translation)
    still = pixels(other, identity, torch.zeros(5, 64), euler, translation)
    assert (still - true).norm(dim=-1).mean() > 2.0, "the expressions can be seen"
    assert (drawn - true).norm(dim=-1).mean() < 0.1
    assert (drawn - true).norm(dim=-1).max() < 1.0


def test_a_longer_lens_sees_the_head_as_large_and_at_the_same_place(other, motion):
    whole, identity = FaceModel.open_face(), motion["identity"]
    change = ModelChange.between(whole, other, identity, identity)
    near, away = (
        change.pose(motion["euler"], motion["translation"], focal) for focal in (FOCAL, PUBLISHED_FOCAL)
    )
    assert away[0].equal(near[0])
    rest = torch.zeros(5, 64)
    one = pixels(other, identity, rest, *near)
    two = pixels(other, identity, rest, *away, PUBLISHED_FOCAL)
    size = (one.amax(1) - one.amin(1)).mean()
    assert ((one - two).mean(1).norm(dim=-1)).max() < 0.01 * size
    ratio = (two.amax(1) - two.amin(1)) / (one.amax(1) - one.amin(1))
    assert (ratio - 1).abs().max() < 0.02


def test_each_frame_is_changed_on_its_own(other, motion):
    identity = motion["identity"]
    change = ModelChange.between(FaceModel.open_face(), other, identity, identity)
    whole = change.expression(motion["expression"]), *change.pose(motion["euler"], motion["translation"])
    part = slice(2, 3)
    alone = (
        change.expression(motion["expression"][part]),
        *change.pose(motion["euler"][part], motion["translation"][part]),
    )
    for all_, one in zip(whole, alone, strict=True):
        torch.testing.assert_close(all_[part], one, atol=1e-6, rtol=1e-6)
