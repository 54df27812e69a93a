"""Head and background joined by convolutions alone: the paper's ablation of alpha blending."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class ConcatFusion(nn.Module):
    """Two convolutions over the concatenated layers; nothing tells them where the head ends.

    Source: the row "concat instead of alpha fusion" in Real3D-Portrait's ablation of its
    head-torso-background model.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(6, width, 3, 1, 1)
        self.second = nn.Conv2d(width, 3, 3, 1, 1)

    def forward(self, head: Tensor, back: Tensor) -> Tensor:
        """(B, 3, H, W) head over black and (B, 3, H, W) back, in [0, 1] -> picture, not clamped."""
        return self.second(F.leaky_relu(self.first(torch.cat([head, back], 1)), 0.2))
