"""Gaze from the irises: where on the eyeball the iris centre is seen."""

import torch
from torch import Tensor

from face3dmm.camera import CAMERA_DISTANCE, FOCAL, rotation_from_euler
from face3dmm.landmarks import LEFT_EYE_CORNERS, LEFT_IRIS, RIGHT_EYE_CORNERS, RIGHT_IRIS, eye_opening
from face3dmm.model import FaceModel
from face3dmm.track import carried_over

OPEN_ENOUGH = 0.12  # of the eye's width: below it the lid hides the iris and its position is a guess


def gaze_from_irises(model: FaceModel, neutral: Tensor, pose: Tensor, landmarks: Tensor, size: int) -> Tensor:
    """Direction of sight in the head's own frame, the mean of both eyes.

    The eyeballs sit behind the middle of the eye corners. The iris centre is the point of the eyeball that
    is seen at the iris landmark; while the lids are closed the gaze is carried over from the frames around.

    Args:
        model: Face model, for the eyeballs.
        neutral: (468, 3) landmarks of the person at rest in model units.
        pose: (T, 6) euler and translation.
        landmarks: (T, 478, 3) pixels.
        size: Width and height of the picture in pixels.

    Returns:
        (T, 2) pitch (down positive) and yaw (to the subject's left positive) in radians, within +-1.
    """
    if landmarks.shape[1] <= LEFT_IRIS:
        return pose.new_zeros(len(pose), 2)
    rotation = rotation_from_euler(pose[:, :3])
    mean = model.mean[model.landmarks_468]
    directions = []
    for eyeball, corners, iris in (
        (model.eyeballs[0], LEFT_EYE_CORNERS, LEFT_IRIS),
        (model.eyeballs[1], RIGHT_EYE_CORNERS, RIGHT_IRIS),
    ):
        shift = (neutral[list(corners)] - mean[list(corners)]).mean(0)
        centre = (rotation @ (eyeball[:3] + shift)) + pose[:, 3:]
        # The iris centre lies on the ray through its pixel; take the ray where it passes the eyeball's front.
        uv = landmarks[:, iris, :2] / size - 0.5
        depth = CAMERA_DISTANCE - centre[:, 2] - eyeball[3]
        for _ in range(3):
            xy = torch.stack([uv[:, 0], -uv[:, 1]], -1) * depth.unsqueeze(-1) / FOCAL
            off = xy - centre[:, :2]
            forward = (eyeball[3] ** 2 - (off**2).sum(-1)).clamp_min((0.3 * eyeball[3]) ** 2).sqrt()
            depth = CAMERA_DISTANCE - centre[:, 2] - forward
        seen = torch.cat([off, forward.unsqueeze(-1)], -1)
        directions.append(
            torch.nn.functional.normalize((rotation.transpose(1, 2) @ seen.unsqueeze(-1)).squeeze(-1), dim=-1)
        )
    x, y, z = torch.nn.functional.normalize(directions[0] + directions[1], dim=-1).unbind(-1)
    gaze = torch.stack([-torch.asin(y.clamp(-1, 1)), torch.atan2(x, z)], -1).clamp(-1, 1)
    opened = eye_opening(landmarks[..., :2]).mean(-1) > OPEN_ENOUGH
    return carried_over(gaze, opened)
