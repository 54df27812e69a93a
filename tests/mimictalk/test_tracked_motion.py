"""Poses are moved onto the avatar as rigid motions; residuals are distances in pixels."""

from types import SimpleNamespace

import pytest
import torch

from face3dmm import FaceModel
from face3dmm.camera import rotation_from_euler
from mimictalk.tracked_motion import (
    motion_from_coeffs,
    place_pose,
    repeat_there_and_back,
    residual,
)

SOURCE_EULER, SOURCE_TRANSLATION = torch.tensor([0.1, -0.2, 0.05]), torch.tensor([0.3, 0.1, -0.4])


def head_motion(frames: int = 51) -> tuple[torch.Tensor, torch.Tensor]:
    """A head that sways about (0.2, 0.3, -0.1), the middle of its motion being its median."""
    sway = torch.linspace(-1, 1, frames)[:, None]
    euler = torch.tensor([0.2, 0.3, -0.1]) + sway * torch.tensor([0.05, 0.2, 0.02])
    translation = torch.tensor([1.0, 2.0, 0.5]) + sway * torch.tensor([0.1, -0.1, 0.2])
    return euler, translation


def test_the_median_pose_lands_on_the_source_pose():
    euler, translation = place_pose(*head_motion(), SOURCE_EULER, SOURCE_TRANSLATION)
    assert torch.allclose(euler[25], SOURCE_EULER, atol=1e-5)
    assert torch.allclose(translation[25], SOURCE_TRANSLATION, atol=1e-5)


def test_the_motion_between_frames_is_kept():
    before, shift_before = head_motion()
    after, shift_after = place_pose(before, shift_before, SOURCE_EULER, SOURCE_TRANSLATION)
    # Seen by the camera, the turn from one frame to another is R_b R_a^T, before and after.
    turn = [rotation_from_euler(e[40]) @ rotation_from_euler(e[10]).T for e in (before, after)]
    assert torch.allclose(turn[0], turn[1], atol=1e-5)
    assert torch.allclose(shift_after[40] - shift_after[10], shift_before[40] - shift_before[10], atol=1e-5)


def test_a_head_that_is_in_place_stays():
    euler, translation = head_motion()
    placed = place_pose(euler, translation, euler[25], translation[25])
    assert torch.allclose(placed[0], euler, atol=1e-5)
    assert torch.allclose(placed[1], translation, atol=1e-5)


@pytest.mark.parametrize(
    ("count", "frames", "wanted"),
    [
        (3, 9, [0, 1, 2, 1, 0, 1, 2, 1, 0]),
        (1, 3, [0, 0, 0]),
        (2, 4, [0, 1, 0, 1]),
        (5, 3, [0, 1, 2]),
    ],
)
def test_a_motion_is_repeated_without_a_jump(count, frames, wanted):
    values = torch.arange(count)[:, None].repeat(1, 3)
    assert repeat_there_and_back(values, frames)[:, 0].tolist() == wanted


@pytest.fixture(scope="module")
def model() -> FaceModel:
    return FaceModel.open_face()


def coefficients(frames: int = 4) -> SimpleNamespace:
    generator = torch.Generator().manual_seed(1)
    return SimpleNamespace(
        identity=0.5 * torch.randn(80, generator=generator),
        expression=torch.rand(frames, 64, generator=generator) * 0.3,
        euler=0.1 * torch.randn(frames, 3, generator=generator),
        translation=0.1 * torch.randn(frames, 3, generator=generator),
        gaze=torch.zeros(frames, 2),
        confidence=torch.ones(frames),
    )


def landmarks_of(model: FaceModel, coeffs: SimpleNamespace) -> torch.Tensor:
    """(T, 468, 3) pixels in a picture of 512, from the camera's own formula: u = 0.5 + f x / (10 - z)."""
    vertices = model.vertices(coeffs.identity, coeffs.expression)[:, model.landmarks_468]
    posed = vertices @ rotation_from_euler(coeffs.euler).transpose(1, 2) + coeffs.translation[:, None]
    scale = 4.2647 / (10 - posed[..., 2:])
    uv = 0.5 + posed[..., :2] * scale * torch.tensor([1.0, -1.0])
    return torch.cat([uv * 512, torch.zeros_like(scale)], dim=-1)


def test_the_residual_of_the_true_face_is_nothing(model):
    coeffs = coefficients()
    assert residual(model, coeffs, landmarks_of(model, coeffs)) < 0.01


def test_the_residual_is_in_pixels(model):
    coeffs = coefficients()
    shifted = landmarks_of(model, coeffs) + torch.tensor([3.0, 4.0, 0.0])
    assert residual(model, coeffs, shifted) == pytest.approx(5.0, abs=0.01)


def test_another_face_fits_worse(model):
    coeffs = coefficients()
    other = SimpleNamespace(**{**vars(coeffs), "identity": -coeffs.identity})
    assert residual(model, other, landmarks_of(model, coeffs)) > 1.0


def test_frames_without_a_face_do_not_count(model):
    coeffs = coefficients()
    landmarks = landmarks_of(model, coeffs)
    landmarks[1] += 300
    coeffs.confidence[1] = 0
    assert residual(model, coeffs, landmarks) < 0.01


def test_a_track_becomes_a_motion():
    coeffs = coefficients(50)
    motion = motion_from_coeffs(coeffs)
    for name in ("expression", "euler", "translation", "gaze"):
        assert torch.equal(getattr(motion, name), getattr(coeffs, name))
    with pytest.raises(ValueError, match=r"motion has 25\.0 frames per second, the track has 30"):
        motion_from_coeffs(coeffs, 30.0)
