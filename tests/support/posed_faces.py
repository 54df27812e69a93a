"""Face motion with known coefficients, and what a perfect detector would see of it."""

import torch
from torch import Tensor

from face3dmm import ARKIT_NAMES, Camera, FaceCoeffs, FaceModel, rotation_from_euler


def face_motion(frames: int, seed: int, *, person: float = 0.7) -> FaceCoeffs:
    """A moving, talking head.

    Args:
        frames: Number of frames.
        seed: Draws person and motion.
        person: Standard deviation of the identity.
    """
    draw = torch.Generator().manual_seed(seed)
    time = torch.arange(frames) / 25
    count = len(ARKIT_NAMES)
    strength = 0.5 * torch.rand(count, generator=draw) * (torch.rand(count, generator=draw) < 0.4)
    strength[ARKIT_NAMES.index("tongueOut")] = 0  # no landmark tells
    speed, start = 0.5 + 2 * torch.rand(count, generator=draw), 6.28 * torch.rand(count, generator=draw)
    named = strength * (0.5 + 0.5 * torch.sin(6.28 * speed * time[:, None] + start))
    euler = [0.15 * torch.sin(2 * time + seed), 0.3 * torch.sin(1.3 * time), 0.1 * torch.sin(0.7 * time + 1)]
    move = [0.3 * torch.sin(0.9 * time), 0.2 * torch.sin(1.1 * time), -4 + 0.2 * torch.sin(0.8 * time)]
    return FaceCoeffs(
        person * torch.randn(80, generator=draw),
        torch.cat([named, torch.zeros(frames, 64 - count)], 1),
        torch.stack(euler, 1),
        torch.stack(move, 1),
        torch.zeros(frames, 2),
        torch.ones(frames),
    )


def landmarks_of(model: FaceModel, coeffs: FaceCoeffs, size: int = 512) -> Tensor:
    """Landmarks (T, 478, 3) in pixels; the irises are left at the middle of the eye corners."""
    vertices = model.vertices(coeffs.identity, coeffs.expression)[:, model.landmarks_468]
    camera = Camera.from_head_pose(coeffs.euler, coeffs.translation)
    uv, _ = camera.project(camera.model_to_world(vertices))
    posed = vertices @ rotation_from_euler(coeffs.euler).transpose(1, 2)
    scale = 4.2647 * size / (10 - coeffs.translation[:, None, 2:])
    mesh = torch.cat([uv * size, -posed[..., 2:] * scale], -1)
    right, left = mesh[:, [33, 133]].mean(1, keepdim=True), mesh[:, [263, 362]].mean(1, keepdim=True)
    return torch.cat([mesh, right.expand(-1, 5, -1), left.expand(-1, 5, -1)], 1)


def degrees_between(first: Tensor, second: Tensor) -> Tensor:
    """Angle (T,) in degrees between rotations given as euler angles (T, 3)."""
    between = rotation_from_euler(first.double()) @ rotation_from_euler(second.double()).transpose(1, 2)
    cosine = (between.diagonal(dim1=1, dim2=2).sum(1) - 1) / 2
    return torch.rad2deg(torch.acos(cosine.clamp(-1, 1)))
