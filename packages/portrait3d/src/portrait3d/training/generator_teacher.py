"""The published teacher: random heads of a 3D generator, seen from random sides."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from portrait3d.clip import PortraitClip
from portrait3d.eg3d_generator import PIVOT, Eg3dGenerator

YAW, PITCH = math.radians(38), math.radians(26)  # Real3D-Portrait's ranges
RADIUS = (2.7, 4.0)
FOCAL = 4.2647
# Mouth and eyes of EG3D's aligned faces, world units, roughly: they only say where a picture matters more.
FACE = ((0.0, -0.07, 0.2), (-0.065, 0.045, 0.17), (0.065, 0.045, 0.17))


class GeneratorTeacher:
    """Pairs of an EG3D generator (Real3D-Portrait section 3.1). Satisfies `Teacher`.

    Args:
        generator: With the user's weights.
        picture_size: Side of the pictures that are wanted.
        head_mask: (3, S, S) in [0, 1] -> (S, S) in [0, 1], the head; None: the generator's background counts
            as head, and image-to-plane learns it too.
    """

    def __init__(
        self,
        generator: Eg3dGenerator,
        picture_size: int,
        head_mask: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        self.generator, self.picture_size, self.head_mask = generator, picture_size, head_mask

    @torch.no_grad()
    def views(self, targets: int, generator: torch.Generator) -> PortraitClip:
        """A random head from 1 + `targets` random sides."""
        net, count = self.generator, 1 + targets
        device = next(net.parameters()).device
        intrinsics = torch.tensor([[FOCAL, 0, 0.5], [0, FOCAL, 0.5], [0, 0, 1]]).expand(count, 3, 3)
        cameras = random_cameras(count, generator)
        front = torch.cat([orbit_camera(0.0, 0.0, RADIUS[0]).flatten(), intrinsics[0].flatten()])[None]
        w = net.w(torch.randn(1, net.z_dim, generator=generator).to(device), front.to(device))
        planes = net.planes(w)
        drawn = [
            net.draw(planes, w, cameras[n : n + 1].to(device), intrinsics[n : n + 1].to(device))[0].cpu()
            for n in range(count)
        ]
        size = (self.picture_size, self.picture_size)
        pictures = torch.nn.functional.interpolate(
            torch.cat(drawn), size, mode="bilinear", align_corners=False, antialias=True
        )
        pictures = (pictures * 0.5 + 0.5).clamp(0, 1)
        masks = torch.ones(count, *size)
        if self.head_mask is not None:
            masks = torch.stack([self.head_mask(picture) for picture in pictures])
        points = torch.tensor(FACE)
        seen = (points[None] - cameras[:, None, :3, 3]) @ cameras[:, :3, :3]
        return PortraitClip(
            frames=(pictures * 255).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous(),
            head_mask=(masks * 255).round().to(torch.uint8),
            torso_mask=torch.zeros(count, *size, dtype=torch.uint8),
            pncc=torch.zeros(count, 3, 1, 1, dtype=torch.uint8),  # this stage knows no expressions
            canonical_pncc=torch.zeros(3, 1, 1, dtype=torch.uint8),
            camera_to_world=cameras,
            intrinsics=intrinsics,
            keypoints=torch.zeros(count, 0, 2),
            focus=FOCAL * seen[..., :2] / seen[..., 2:] + 0.5,
            opening=torch.zeros(count),
            background=torch.zeros(*size, 3, dtype=torch.uint8),
            confidence=torch.ones(count),
        )


def random_cameras(count: int, generator: torch.Generator) -> Tensor:
    """(count, 4, 4) on a sphere round the pivot, evenly in yaw, pitch and radius."""
    draw = torch.rand(count, 3, generator=generator)
    return torch.stack(
        [
            orbit_camera(
                float(2 * yaw - 1) * YAW,
                float(2 * pitch - 1) * PITCH,
                RADIUS[0] + float(far) * (RADIUS[1] - RADIUS[0]),
            )
            for yaw, pitch, far in draw
        ]
    )


def orbit_camera(yaw: float, pitch: float, radius: float) -> Tensor:
    """(4, 4) camera-to-world (OpenCV axes) that looks at the pivot; yaw > 0 stands at +x, pitch > 0 above."""
    pivot = torch.tensor(PIVOT)
    towards = torch.tensor(
        [math.sin(yaw) * math.cos(pitch), math.sin(pitch), math.cos(yaw) * math.cos(pitch)]
    )
    forward = -towards
    right = torch.linalg.cross(forward, torch.tensor([0.0, 1.0, 0.0]))
    right = right / right.norm()
    camera = torch.eye(4)
    camera[:3, :3] = torch.stack([right, torch.linalg.cross(forward, right), forward], 1)
    camera[:3, 3] = pivot + radius * towards
    return camera
