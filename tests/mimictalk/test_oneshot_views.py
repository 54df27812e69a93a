"""A portrait from other sides: the relief lies on the picture's rays and on the face, and turns as a face does."""

import numpy as np
import pytest
import torch

from face3dmm import Camera, FaceCoeffs, FaceModel
from mimictalk import one_shot_views
from mimictalk.one_shot_views import RELIEF, picture_views, relief

NOSE = 1  # of the 468 landmarks


@pytest.fixture(scope="module")
def coeffs() -> FaceCoeffs:
    """The average face, a little turned, three decimetres nearer."""
    euler, translation = torch.tensor([[0.05, 0.1, 0.0]]), torch.tensor([[0.0, 0.0, -3.0]])
    zero = torch.zeros(1, 2)
    return FaceCoeffs(torch.zeros(80), torch.zeros(1, 64), euler, translation, zero, torch.ones(1))


@pytest.fixture(scope="module")
def mask(coeffs) -> torch.Tensor:
    """A disc about the face: part of it lies beside the head."""
    line = (torch.arange(512) + 0.5) / 512 - 0.5
    return ((line[:, None].square() + line[None].square() < 0.25**2) * 255).to(torch.uint8)


@pytest.fixture(scope="module")
def picture() -> torch.Tensor:
    """Colours that say where a pixel lies: red across, green down."""
    line = torch.linspace(0, 255, 512)
    across, down = line.expand(512, 512), line[:, None].expand(512, 512)
    return torch.stack([across, down, torch.full_like(down, 128)], -1).round().to(torch.uint8)


def test_the_relief_lies_on_the_pictures_rays(coeffs):
    camera = Camera.from_head_pose(coeffs.euler, coeffs.translation)
    uv, _ = camera.project(relief(coeffs, camera).points.reshape(1, -1, 3))
    line = (torch.arange(RELIEF) + 0.5) / RELIEF
    v, u = torch.meshgrid(line, line, indexing="ij")
    assert torch.allclose(uv[0], torch.stack([u, v], -1).reshape(-1, 2), atol=1e-5)


def test_the_relief_goes_through_the_face(coeffs):
    camera = Camera.from_head_pose(coeffs.euler, coeffs.translation)
    model = FaceModel.open_face()
    nose = camera.model_to_world(model.mean[model.landmarks_468[NOSE]])
    uv, depth = camera.project(nose[None, None])
    column, row = (uv[0, 0] * RELIEF).int().tolist()
    point = relief(coeffs, camera).points[row, column]
    _, found = camera.project(point[None, None])
    assert float(found) == pytest.approx(float(depth), abs=0.01)  # a fortieth of the face's width


def test_not_turned_it_is_the_picture(coeffs, mask, picture, monkeypatch):
    monkeypatch.setattr(one_shot_views, "YAWS", (0.0,))
    monkeypatch.setattr(one_shot_views, "PITCHES", ())
    views = picture_views(picture, mask, coeffs)
    sure = views.known[0, 0] > 0.9
    assert float(sure.float().sum()) > 0.5 * float((mask > 0).sum())
    error = (views.frames[0].permute(1, 2, 0) - picture.float() / 255).abs()[sure]
    assert float(error.max()) < 2 / 255  # the ramp climbs half a level per pixel
    assert not bool((views.known[0, 0] > 0)[mask == 0].any())


def test_turned_a_landmark_keeps_its_colour(coeffs, mask, picture, monkeypatch):
    monkeypatch.setattr(one_shot_views, "YAWS", (15.0,))
    monkeypatch.setattr(one_shot_views, "PITCHES", ())
    views = picture_views(picture, mask, coeffs)
    model = FaceModel.open_face()
    points = landmark_points(model, coeffs, (9, 50, 280, 205, 425))  # forehead and cheeks
    before, _ = Camera.from_head_pose(coeffs.euler, coeffs.translation).project(points[None])
    after, _ = Camera(views.camera_to_world, views.intrinsics).project(points[None])
    for old, new in zip(before[0], after[0], strict=True):
        column, row = (new * 512).int().tolist()
        assert torch.allclose(views.frames[0, :2, row, column], old, atol=0.008)  # two pixels of 512


def landmark_points(model: FaceModel, coeffs: FaceCoeffs, numbers: tuple[int, ...]) -> torch.Tensor:
    """World points (N, 3) of landmarks."""
    camera = Camera.from_head_pose(coeffs.euler, coeffs.translation)
    return camera.model_to_world(model.mean[model.landmarks_468[list(numbers)]])


def test_what_is_seen_at_a_slant_is_not_believed(coeffs, mask, picture):
    views = picture_views(picture, mask, coeffs)
    assert len(views.frames) == sum(
        len(views) for views in (one_shot_views.YAWS, one_shot_views.PITCHES, one_shot_views.SAID)
    )
    share = views.known.mean((1, 2, 3)).numpy()
    yaws = np.abs(one_shot_views.YAWS)
    assert share[: len(yaws)][yaws == 30].max() < share[: len(yaws)][yaws == 10].min()
    assert bool((views.silhouette >= (views.known > 0).float()).all())
