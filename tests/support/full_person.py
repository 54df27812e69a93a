"""A clip of the ball that stands in for a head, with neck and shirt, as the published renderer learns it."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import torch

from ball_portrait import ball_clip
from portrait3d.clip import PortraitClip
from portrait3d.full.config import FullConfig

SKIN, SHIRT = (200, 140, 105), (40, 120, 50)


def person_clip(config: FullConfig, count: int = 4) -> PortraitClip:
    """`ball_clip` at the sides of a model: a skin-coloured neck under the ball, a green shirt under the neck."""
    sizes: Any = SimpleNamespace(ray_grid=config.picture_size // 4, pncc_size=config.picture_size)
    clip, side = ball_clip(count, sizes), config.picture_size
    frames, torso = clip.frames.clone(), torch.zeros_like(clip.head_mask)
    neck, shirt = slice(side * 11 // 16, side * 7 // 8), slice(side * 7 // 8, side)
    free = clip.head_mask == 0
    for rows, columns, colour in (
        (neck, slice(side * 7 // 16, side * 9 // 16), SKIN),
        (shirt, slice(side // 4, side * 3 // 4), SHIRT),
    ):
        part = torch.zeros_like(free)
        part[:, rows, columns] = True
        part &= free
        frames[part] = torch.tensor(colour, dtype=torch.uint8)
        torso[part] = 255
    keypoints = clip.keypoints[:, :1].expand(-1, config.torso_keypoints, -1).clone()
    focus = torch.tensor([[0.5, 0.6], [0.4, 0.45], [0.6, 0.45]]).expand(count, 3, 2)
    return replace(clip, frames=frames, torso_mask=torso, keypoints=keypoints, focus=focus)
