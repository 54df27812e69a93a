"""Lips that must touch: where the model hears p, b or m, the mouth closes, however unsure it is of the rest.

A model that is unsure draws the mean, and the mean of an open mouth and a closed one is half open; mouths
that never close are what people notice first. Naming phones it was taught apart (`losses.phones`).
"""

from __future__ import annotations

import torch
from torch import Tensor

from .model import MotionModel

TOUCHING = ("p", "b", "m", "ɓ")
HEARD, SURE = 0.2, 0.5  # probability from which lips begin to close, and from which they touch
LEAD = 1  # frames by which lips are ahead of the sound


@torch.no_grad()
def closing(model: MotionModel, sound: Tensor) -> Tensor:
    """How far lips are to close, (T,): 0 as drawn, 1 touching; 0 throughout for weights that name no phones.

    Args:
        model: network and the phones that it names.
        sound: (T, width) from `MotionModel.encode`.
    """
    frames = len(sound)
    touching = [number for number, phone in enumerate(model.phones) if phone in TOUCHING]
    if not touching or not frames:
        return torch.zeros(frames)
    heard = model.network.name_phones(sound[None])[0]
    share = heard.softmax(-1)[:, touching].sum(-1).unflatten(0, (-1, 2)).amax(1)
    ahead = torch.cat([share[LEAD:], share[-1:].expand(LEAD)])[:frames]
    return ((ahead - HEARD) / (SURE - HEARD)).clamp(0, 1)
