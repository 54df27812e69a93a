"""Key-points found in a picture without labels: the paper's ablation of predefined face-model key-points."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from portrait3d.torso import picture_grid

SIDE = 64
SHARPNESS = 10.0  # inverse of the published softmax temperature of 0.1


class KeypointDetector(nn.Module):
    """Heat-maps, and their centres of mass (first-order motion model, Siarohin et al. 2019, section 3.2).

    Learned from the reconstruction alone, as in face-vid2vid. Real3D-Portrait replaces it by points of the
    face model (section 3.3).
    """

    def __init__(self, keypoints: int, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, width, 5, 2, 2),
            nn.LeakyReLU(0.2),
            nn.Conv2d(width, 2 * width, 3, 2, 1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(2 * width, 2 * width, 3, 1, 1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(2 * width, keypoints, 3, 1, 1),
        )

    def forward(self, head: Tensor) -> Tensor:
        """Find key-points.

        Args:
            head: (B, 3, S, S) picture of the head in [-1, 1], all else -1.

        Returns:
            (B, K, 2) in [-1, 1], x then y.
        """
        size = (2 * SIDE, 2 * SIDE)
        heat = self.layers(F.interpolate(head, size, mode="bilinear", align_corners=False, antialias=True))
        weights = (heat.flatten(2) * SHARPNESS).softmax(-1)
        grid = picture_grid(heat.shape[-1], torch.empty((), dtype=weights.dtype, device=weights.device))
        return weights @ grid.reshape(-1, 2)
