"""Frames and signs: the only place that turns a head pose into a camera (docs/conventions.md).

A posed head ``R x_model + translation`` seen from (0, 0, 10) is the same picture as a head that stands
still and a camera that moves; the world is that still head, scaled by 0.27 and shifted, as EG3D's networks
expect.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

FOCAL = 4.2647
CAMERA_DISTANCE = 10.0  # decimetres from the model origin to the camera at zero translation
WORLD_SCALE = 0.27
WORLD_OFFSET = (0.0, 0.006, 0.161)
OPENCV_FLIP = (1.0, -1.0, -1.0)  # model axes (y up, z to the viewer) to camera axes (y down, z forward)


def rotation_from_euler(euler: Tensor) -> Tensor:
    """Rotation ``Rz @ Ry @ Rx`` for column vectors.

    Args:
        euler: (..., 3) pitch, yaw, roll about x, y, z in radians.

    Returns:
        (..., 3, 3). Differentiable.
    """
    sin, cos = torch.sin(euler), torch.cos(euler)
    (sx, sy, sz), (cx, cy, cz) = sin.unbind(-1), cos.unbind(-1)
    rows = (
        torch.stack([cz * cy, cz * sy * sx - sz * cx, cz * sy * cx + sz * sx], -1),
        torch.stack([sz * cy, sz * sy * sx + cz * cx, sz * sy * cx - cz * sx], -1),
        torch.stack([-sy, cy * sx, cy * cx], -1),
    )
    return torch.stack(rows, -2)


def euler_from_rotation(rotation: Tensor) -> Tensor:
    """Inverse of `rotation_from_euler` for yaw within +-pi/2.

    Args:
        rotation: (..., 3, 3), orthonormal.

    Returns:
        (..., 3) pitch, yaw, roll in radians.
    """
    yaw = torch.asin((-rotation[..., 2, 0]).clamp(-1, 1))
    pitch = torch.atan2(rotation[..., 2, 1], rotation[..., 2, 2])
    roll = torch.atan2(rotation[..., 1, 0], rotation[..., 0, 0])
    return torch.stack([pitch, yaw, roll], -1)


def model_to_world(points: Tensor) -> Tensor:
    """Model points (..., 3) in decimetres to the head-centred world."""
    return points * WORLD_SCALE + points.new_tensor(WORLD_OFFSET)


def world_to_model(points: Tensor) -> Tensor:
    """World points (..., 3) to model points in decimetres."""
    return (points - points.new_tensor(WORLD_OFFSET)) / WORLD_SCALE


@dataclass(frozen=True)
class Camera:
    """Pinhole cameras, OpenCV axes (x right, y down, z forward), one per frame.

    Attributes:
        camera_to_world: (..., 4, 4), rigid.
        intrinsics: (..., 3, 3), normalised to a picture of width and height 1.
    """

    camera_to_world: Tensor
    intrinsics: Tensor

    def __post_init__(self) -> None:
        pose, lens = tuple(self.camera_to_world.shape), tuple(self.intrinsics.shape)
        if pose[-2:] != (4, 4) or lens[-2:] != (3, 3) or pose[:-2] != lens[:-2]:
            raise ValueError(
                f"camera_to_world {pose} and intrinsics {lens} must be (..., 4, 4) and (..., 3, 3)"
            )

    @classmethod
    def from_head_pose(cls, euler: Tensor, translation: Tensor, focal: float | Tensor = FOCAL) -> "Camera":
        """Camera that sees the still head as the fixed camera sees the posed head.

        Args:
            euler: (..., 3) pitch, yaw, roll in radians.
            translation: (..., 3) in decimetres.
            focal: Focal length over picture width, a number or (...).

        Returns:
            Camera with the leading shape of `euler`. Differentiable in all three.
        """
        inverse = rotation_from_euler(euler).transpose(-1, -2)
        eye = euler.new_tensor([0.0, 0.0, CAMERA_DISTANCE])
        centre = (inverse @ (eye - translation).unsqueeze(-1)).squeeze(-1)
        top = torch.cat([inverse * euler.new_tensor(OPENCV_FLIP), model_to_world(centre).unsqueeze(-1)], -1)
        bottom = euler.new_tensor([0.0, 0.0, 0.0, 1.0]).expand(*top.shape[:-2], 1, 4)
        focal = torch.as_tensor(focal, dtype=euler.dtype, device=euler.device).expand(euler.shape[:-1])
        zero, half, one = torch.zeros_like(focal), torch.full_like(focal, 0.5), torch.ones_like(focal)
        entries = [focal, zero, half, zero, focal, half, zero, zero, one]
        lens = torch.stack(entries, -1).unflatten(-1, (3, 3))
        return cls(torch.cat([top, bottom], -2), lens)

    def project(self, points_world: Tensor) -> tuple[Tensor, Tensor]:
        """World points to the picture.

        Args:
            points_world: (..., V, 3); leading axes broadcast with the camera's.

        Returns:
            uv (..., V, 2), (0, 0) the upper left and (1, 1) the lower right corner of the picture, unclamped;
            depth (..., V) along the optical axis in world units, positive in front of the camera.
        """
        rotation, centre = self.camera_to_world[..., :3, :3], self.camera_to_world[..., None, :3, 3]
        in_camera = (points_world - centre) @ rotation
        on_film = in_camera @ self.intrinsics.transpose(-1, -2)
        depth = in_camera[..., 2]
        return on_film[..., :2] / depth.unsqueeze(-1), depth

    def crop(self, x0: float | Tensor, y0: float | Tensor, side: float | Tensor) -> "Camera":
        """The same cameras looking through a square window of their normalised picture.

        Args:
            x0: Left edge of the window in [0, 1], a number or (...).
            y0: Upper edge.
            side: Width and height of the window, > 0.
        """
        like = self.intrinsics[..., 0, 0]
        x0, y0, side = (
            torch.as_tensor(v, dtype=like.dtype, device=like.device).expand_as(like) for v in (x0, y0, side)
        )
        zero, one = torch.zeros_like(side), torch.ones_like(side)
        window = torch.stack([1 / side, zero, -x0 / side, zero, 1 / side, -y0 / side, zero, zero, one], -1)
        return Camera(self.camera_to_world, window.unflatten(-1, (3, 3)) @ self.intrinsics)

    def model_to_world(self, points: Tensor) -> Tensor:
        """Model points (..., 3) in decimetres to the head-centred world."""
        return model_to_world(points)

    def world_to_model(self, points: Tensor) -> Tensor:
        """World points (..., 3) to model points in decimetres."""
        return world_to_model(points)
