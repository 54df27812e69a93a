"""The torso of a source frame, bent to follow the head (Real3D-Portrait section 3.3)."""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from portrait3d.full.config import FullConfig
from portrait3d.full.torso_appearance import TorsoAppearance
from portrait3d.full.torso_generator import TorsoGenerator
from portrait3d.full.torso_motion import TorsoMotion

DILATION = 3  # texels by which the torso's mask grows
MOTION_GRADIENT = 0.1  # the published training lets a tenth of the gradient into the motion


class TorsoConstants(NamedTuple):
    """What the torso's picture alone decides.

    Attributes:
        appearance: (B, C, D, H, H) features, zero away from the torso.
        compressed: (B, 4, D, H, H) the same with the masks, as the motion network sees them.
    """

    appearance: Tensor
    compressed: Tensor


class WarpedTorso(NamedTuple):
    """A torso in the wanted frame.

    Attributes:
        picture: (B, 3, 4H, 4H) about [-1, 1].
        features: (B, W, 4H, 4H).
        alpha: (B, 1, 4H, 4H) in [0, 1]: the torso's part of the person mask.
        occlusion: (B, 1, H, H) in [0, 1], for the training's regularisers only.
    """

    picture: Tensor
    features: Tensor
    alpha: Tensor
    occlusion: Tensor


class TorsoWarp(nn.Module):
    """Appearance once per person; motion, generator and alpha for every frame."""

    def __init__(self, config: FullConfig) -> None:
        super().__init__()
        self.with_alpha = config.torso_input == "rgb_alpha"
        self.side = config.picture_size // 8
        width = config.torso_width
        self.appearance = TorsoAppearance(config)
        self.motion = TorsoMotion(config)
        self.generator = TorsoGenerator(config)
        self.alpha = nn.Sequential(
            nn.Conv2d(width + 1, width // 2, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(width // 2, width // 2, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(width // 2, 1, 3, padding=1),
            nn.Sigmoid(),
        )

    def constants(self, torso: Tensor, mask: Tensor) -> TorsoConstants:
        """Read the torso's picture.

        Args:
            torso: (B, 3, 4H, 4H) in [-1, 1], all else -1.
            mask: (B, 2, any, any) in [0, 1]: neck, clothes.
        """
        if self.with_alpha:
            torso = torch.cat([torso, _resized(mask, torso.shape[-1])], 1)
        appearance = self.appearance(torso)
        mask = _resized(mask, self.side)
        whole = F.pad(mask.sum(1, keepdim=True), (DILATION,) * 4, mode="reflect")
        whole = F.max_pool2d(whole, 2 * DILATION + 1, 1)
        appearance = appearance * whole[:, :, None]
        masks = mask[:, :, None].expand(-1, -1, appearance.shape[2], -1, -1)
        return TorsoConstants(appearance, self.motion.compress(torch.cat([appearance, masks], 1)))

    def forward(
        self, constants: TorsoConstants, source: Tensor, target: Tensor, head: Tensor, head_alpha: Tensor
    ) -> WarpedTorso:
        """Bend; arguments as `TorsoMotion`'s."""
        field = self.motion(constants.compressed, source, target, head, head_alpha)
        deformation, occlusion, blend = (_damped(value) for value in field)
        picture, features = self.generator(constants.appearance, deformation)
        blend = F.interpolate(blend, features.shape[-2:], mode="bilinear", align_corners=False)
        return WarpedTorso(picture, features, self.alpha(torch.cat([features, blend], 1)), occlusion)


def _resized(mask: Tensor, side: int) -> Tensor:
    return F.interpolate(mask, (side, side), mode="bilinear", align_corners=False)


def _damped(x: Tensor) -> Tensor:
    """x, with `MOTION_GRADIENT` of its gradient."""
    return x.detach() + MOTION_GRADIENT * (x - x.detach())
