"""A head-torso-background model of the published graph, small enough for tests."""

from copy import deepcopy
from functools import cache
from typing import Any

import torch
from torch import Tensor

from portrait3d.full.config import FullConfig
from portrait3d.full.head_torso_background import HeadTorsoBackground

SIZES: dict[str, Any] = {
    "picture_size": 64,
    "plane_resolution": 32,
    "ray_grid": 16,
    "plane_channels": 4,
    "w_dim": 8,
    "sr_width": 8,
    "torso_width": 4,
    "torso_channels": 3,
    "torso_depth": 4,
    "torso_levels": 3,
}


def tiny_config(**options: Any) -> FullConfig:
    return FullConfig(**{**SIZES, **options})


def tiny_model(**options: Any) -> HeadTorsoBackground:
    """Random, in evaluation mode, with the statistics of a few frames and masks that vary over the picture."""
    return deepcopy(_warmed_up(**options))


@cache
def _warmed_up(**options: Any) -> HeadTorsoBackground:
    torch.manual_seed(0)
    model = HeadTorsoBackground(tiny_config(**options)).train()
    with torch.no_grad():
        model.torso_warp.motion.mask.weight.mul_(20)
        for seed in range(4):
            model(**drawn(2, seed), constants=model.constants(**person(2, seed)))
    return model.eval()


def drawn(batch: int = 1, seed: int = 0) -> dict[str, Tensor]:
    """What the renderer and the key-points give for a frame."""
    generator = torch.Generator().manual_seed(seed)
    source = torch.rand(batch, 4, 2, generator=generator) - 0.5
    return {
        "raw": torch.rand(batch, 3, 16, 16, generator=generator) * 2 - 1,
        "features": torch.randn(batch, 4, 16, 16, generator=generator),
        "opacity": torch.rand(batch, 1, 16, 16, generator=generator),
        "source_keypoints": source,
        "target_keypoints": source + 0.2 * torch.randn(batch, 4, 2, generator=generator),
    }


def person(batch: int = 1, seed: int = 1) -> dict[str, Tensor]:
    """What is known once per person."""
    generator = torch.Generator().manual_seed(seed)
    return {
        "torso": torch.rand(batch, 3, 64, 64, generator=generator) * 2 - 1,
        "torso_mask": (torch.rand(batch, 2, 64, 64, generator=generator) > 0.5).float(),
        "background": torch.rand(batch, 3, 64, 64, generator=generator) * 2 - 1,
    }
