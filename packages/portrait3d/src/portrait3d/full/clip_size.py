"""A clip at the side of the pictures that a model draws."""

from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional as F

from portrait3d.clip import PortraitClip


def at_size(clip: PortraitClip, side: int) -> PortraitClip:
    """Frames, masks and plate at another side; all else of a clip does not depend on it.

    Args:
        clip: Of a frame or a few: the resized pictures are new ones.
        side: Wanted, in pixels.
    """
    if clip.frames.shape[1] == side:
        return clip
    return replace(
        clip,
        frames=_resized(clip.frames.movedim(-1, 1), side).movedim(1, -1),
        head_mask=_resized(clip.head_mask[:, None], side)[:, 0],
        torso_mask=_resized(clip.torso_mask[:, None], side)[:, 0],
        background=_resized(clip.background.movedim(-1, 0)[None], side)[0].movedim(0, -1),
    )


def resized(pictures: Tensor, side: int) -> Tensor:
    """(B, C, S, S) at another side: means over pixels where it gets smaller, bilinear where larger."""
    if pictures.shape[-1] == side:
        return pictures
    if pictures.shape[-1] > side:
        return F.interpolate(pictures, (side, side), mode="area")
    return F.interpolate(pictures, (side, side), mode="bilinear", align_corners=False)


def _resized(pictures: Tensor, side: int) -> Tensor:
    return resized(pictures.float(), side).round().to(torch.uint8)
