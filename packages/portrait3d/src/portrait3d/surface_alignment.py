"""A picture of a head, seen from straight ahead."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from portrait3d.config import PortraitConfig

RELIEF_SIDE = 32
RELIEF_SCALE = 0.05  # world units of a relief of 1, so that Adam's steps are of the size that relief needs
# An ellipsoid through the front of the mean open face of `face3dmm`, world units; off by 0.016 in the mean.
FACE_CENTRE, FACE_RADII = (0.0, 0.028, -0.044), (0.206, 0.471, 0.285)

GRAZING = (0.1, 0.4)  # cosines between which a surface passes from unseen to seen


class SurfaceAlignment(nn.Module):
    """Reads the picture where each texel of the XY plane would lie on an average head's front.

    Beyond the published model, where a transformer has to find out how to turn a head to the front. The
    camera is known, from the fit of the face model; with a rough surface, which is learned, the picture is
    laid over the XY plane, and convolutions put detail where it belongs without searching. What the camera
    cannot see is taken from the other half: heads are nearly symmetric.
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
        (cx, cy, cz), (rx, ry, rz) = FACE_CENTRE, FACE_RADII
        out = ((x - cx) / rx).square() + ((y - cy) / ry).square()
        # Beyond the ellipsoid's rim the surface goes on at its centre's depth.
        z = cz + rz * (1 - out).clamp_min(1e-4).sqrt()
        height = F.interpolate(relief, (side, side), mode="bilinear", align_corners=False)[0, 0]
        return torch.stack([x, y, z + RELIEF_SCALE * height], -1)

    def facing(self, points: Tensor, place: Tensor) -> Tensor:
        """How far the surface faces a camera: 1 where it is seen well, 0 where it is turned away.

        Args:
            points: (N, 3) of the surface.
            place: (B, 3) of the cameras.

        Returns:
            (B, N): the cosine between normal and view, from 0 at `GRAZING[0]` to 1 at `GRAZING[1]`.
        """
        normal = (points - points.new_tensor(FACE_CENTRE)) / points.new_tensor(FACE_RADII).square()
        view = place[:, None] - points
        cosine = F.cosine_similarity(normal[None], view, dim=-1)
        return ((cosine - GRAZING[0]) / (GRAZING[1] - GRAZING[0])).clamp(0, 1)

    def forward(self, head: Tensor, camera_to_world: Tensor, intrinsics: Tensor, side: int) -> Tensor:
        """Turn heads to the front.

        Args:
            head: (B, 3, S, S) in [-1, 1], all but the head -1.
            camera_to_world: (B, 4, 4).
            intrinsics: (B, 3, 3), normalised.
            side: Of the answer.

        Returns:
            (B, 4, side, side): colours, the other half's mirrored where the head's own side is not seen, and
            how far they were seen, in [0, 1]. Colours are -1 beside the head.
        """
        points = self.surface(2 * side).reshape(-1, 3)
        rotation, place = camera_to_world[:, :3, :3], camera_to_world[:, :3, 3]
        with torch.autocast(head.device.type, enabled=False):  # geometry needs all its bits
            relative = (points - place[:, None]) @ rotation  # world to camera: R^T (p - t), as row vectors
            uvw = relative @ intrinsics.mT
            seen = self.facing(points.detach(), place).reshape(len(head), 1, 2 * side, 2 * side)
        uv = uvw[..., :2] / uvw[..., 2:].clamp_min(1e-3)
        grid = (uv * 2 - 1).reshape(len(head), 2 * side, 2 * side, 2)
        front = F.grid_sample(head + 1, grid.to(head.dtype), "bilinear", "zeros", align_corners=False)
        mirrored = (1 - seen) * seen.flip(-1)
        front = seen * front + mirrored * front.flip(-1) - (seen + mirrored)
        return F.avg_pool2d(torch.cat([front, seen], 1), 2)
