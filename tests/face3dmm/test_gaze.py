"""Gaze from irises painted where a known gaze puts them."""

import pytest
import torch

from face3dmm import FaceModel, rotation_from_euler
from face3dmm.gaze import gaze_from_irises
from face3dmm.landmarks import LEFT_LID_PAIRS, RIGHT_LID_PAIRS
from posed_faces import face_motion, landmarks_of

MODEL = FaceModel.open_face()
FRAMES = 12


def looking(gaze: torch.Tensor, seed: int = 0):
    """Landmarks (T, 478, 3) of the mean person's moving head with irises on the front of the eyeballs."""
    coeffs = face_motion(len(gaze), seed, person=0.0)
    still = type(coeffs)(
        coeffs.identity,
        torch.zeros(len(gaze), 64),
        coeffs.euler,
        coeffs.translation,
        coeffs.gaze,
        coeffs.confidence,
    )
    landmarks = landmarks_of(MODEL, still)
    pitch, yaw = gaze.unbind(1)
    direction = torch.stack([yaw.sin() * pitch.cos(), -pitch.sin(), yaw.cos() * pitch.cos()], 1)
    rotation = rotation_from_euler(still.euler)
    for first, eyeball in ((473, MODEL.eyeballs[0]), (468, MODEL.eyeballs[1])):
        point = eyeball[:3] + eyeball[3] * direction
        x, y, z = ((rotation @ point.unsqueeze(-1)).squeeze(-1) + still.translation).unbind(1)
        uv = torch.stack([0.5 + 4.2647 * x / (10 - z), 0.5 - 4.2647 * y / (10 - z)], 1)
        landmarks[:, first : first + 5, :2] = 512 * uv.unsqueeze(1)
    return landmarks, torch.cat([still.euler, still.translation], 1)


def test_known_gaze_is_found_whatever_the_head_does() -> None:
    draw = torch.Generator().manual_seed(0)
    gaze = 0.6 * torch.rand(FRAMES, 2, generator=draw) - 0.3
    landmarks, pose = looking(gaze)
    neutral = MODEL.mean[MODEL.landmarks_468]
    torch.testing.assert_close(
        gaze_from_irises(MODEL, neutral, pose, landmarks, 512), gaze, atol=2e-3, rtol=0
    )


@pytest.mark.parametrize(("gaze", "sign"), [((0.2, 0.0), "down"), ((0.0, 0.2), "to the subject's left")])
def test_signs(gaze: tuple[float, float], sign: str) -> None:
    landmarks, _ = looking(torch.tensor([gaze]))
    straight, _ = looking(torch.zeros(1, 2))
    moved = (landmarks - straight)[0, 468, :2]
    assert (
        moved[1] > 0 if sign == "down" else moved[0] > 0
    )  # in the picture: lower; the subject's left is right


def test_gaze_is_carried_over_closed_eyes() -> None:
    gaze = torch.stack([torch.zeros(FRAMES), torch.linspace(0, 0.22, FRAMES)], 1)
    landmarks, pose = looking(gaze)
    for upper, lower in RIGHT_LID_PAIRS + LEFT_LID_PAIRS:
        landmarks[4:7, upper] = landmarks[4:7, lower]
    landmarks[4:7, 468:, :2] += 30  # behind the lids the detector guesses
    neutral = MODEL.mean[MODEL.landmarks_468]
    torch.testing.assert_close(
        gaze_from_irises(MODEL, neutral, pose, landmarks, 512), gaze, atol=2e-3, rtol=0
    )


def test_without_irises_there_is_no_gaze() -> None:
    landmarks, pose = looking(torch.full((2, 2), 0.2))
    gaze = gaze_from_irises(MODEL, MODEL.mean[:468], pose, landmarks[:, :468], 512)
    assert torch.equal(gaze, torch.zeros(2, 2))
