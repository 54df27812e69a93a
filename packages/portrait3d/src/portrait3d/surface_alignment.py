"""A picture of a head, seen from straight ahead."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from portrait3d.config import PortraitConfig

RELIEF_SIDE = 32
RELIEF_SCALE = 0.05  # world units of a relief of 1, so that Adam's steps are of the size that relief needs
FRONT = 0.9  # the front of a head lies inside the ellipsoid that bounds it


class SurfaceAlignment(nn.Module):
    """Reads the picture where each texel of the XY plane would lie on an average head's front.

    Beyond the published model, where a transformer has to find out how to turn a head to the front. The
    camera is known, from the fit of the face model; with a rough surface, which is learned, the picture is
    laid over the XY plane, and convolutions put detail where it belongs without searching.
    """

    def __init__(self, config: PortraitConfig) -> None:
        super().__init__()
        self.config = config
        self.relief = nn.Parameter(torch.zeros(1, 1, RELIEF_SIDE, RELIEF_SIDE))

    def surface(self, side: int) -> Tensor:
        """(side, side, 3) world points of the average head's front, in picture order (row 0 at the top)."""
        config, relief = self.config, self.relief
        line = (
            (torch.arange(side, dtype=relief.dtype, device=relief.device) + 0.5) / side - 0.5
        ) * config.box_warp
        y, x = torch.meshgrid(-line, line, indexing="ij")
        (cx, cy, cz), (rx, ry, rz) = config.head_centre, config.head_radii
        out = ((x - cx) / rx).square() + ((y - cy) / ry).square()
        # The ellipsoid's front near its middle; beyond its rim the surface goes on at the centre's depth.
        z = cz + FRONT * rz * (1 - out / FRONT**2).clamp_min(1e-4).sqrt()
        height = F.interpolate(relief, (side, side), mode="bilinear", align_corners=False)[0, 0]
        return torch.stack([x, y, z + RELIEF_SCALE * height], -1)

    def forward(self, head: Tensor, camera_to_world: Tensor, intrinsics: Tensor, side: int) -> Tensor:
        """Turn heads to the front.

        Args:
            head: (B, 3, S, S) in [-1, 1], all but the head -1.
            camera_to_world: (B, 4, 4).
            intrinsics: (B, 3, 3), normalised.
            side: Of the answer.

        Returns:
            (B, 3, side, side); -1 where the picture does not reach.
        """
        points = self.surface(2 * side).reshape(-1, 3)
        rotation, place = camera_to_world[:, :3, :3], camera_to_world[:, :3, 3]
        seen = (points - place[:, None]) @ rotation  # world to camera: R^T (p - t), as row vectors
        uvw = seen @ intrinsics.mT
        uv = uvw[..., :2] / uvw[..., 2:].clamp_min(1e-3)
        grid = (uv * 2 - 1).reshape(len(head), 2 * side, 2 * side, 2)
        front = F.grid_sample(head + 1, grid.to(head.dtype), "bilinear", "zeros", align_corners=False) - 1
        return F.avg_pool2d(front, 2)
