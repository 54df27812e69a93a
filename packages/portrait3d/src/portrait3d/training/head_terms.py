"""How a drawn head is compared with the true one: the terms that all stages share."""

import torch
from torch import Tensor
from torch.nn import functional as F

from portrait3d.clip import PortraitClip
from portrait3d.frame_loss import MARGIN, attention
from portrait3d.losses import (
    alpha_loss,
    energy_loss,
    entropy_loss,
    pyramid_loss,
    square_round,
    weighted_l1,
)
from portrait3d.model import HeadLayer
from portrait3d.perceptual import Perceptual
from portrait3d.training.trainee import Trainee

LIP_HALF = 0.6  # half side of the square round the mouth, in distances between the eyes
POINTS, NEARBY = 1000, 0.004  # of the density term, as EG3D has them (box_warp * 0.004)


def head_terms(
    head: HeadLayer, clip: PortraitClip, index: int, perceptual: Perceptual | None
) -> dict[str, Tensor]:
    """Terms of `StageLosses` by name, of a head over black.

    Args:
        head: As it was drawn.
        clip: With the true frame.
        index: Of the frame.
        perceptual: Compares features, or None.
    """
    window = head.window
    full_mask = clip.mask("head_mask", index)
    truth = window.take_pixels(clip.picture(index) * full_mask)
    mask = window.take_pixels(full_mask)
    focus, side = clip.focus[index], full_mask.shape[-1]
    inner = (slice(None), slice(None), slice(MARGIN, -MARGIN), slice(MARGIN, -MARGIN))
    got, wanted = head.colour.float()[inner], truth[inner]
    heed = window.take_pixels(attention(focus, side))[inner]
    terms = {
        "colour": weighted_l1(got, wanted, heed),
        "pyramid": pyramid_loss(got, wanted, 3, heed),
        "energy": energy_loss(got, wanted),
        "raw": weighted_l1(head.raw, F.avg_pool2d(truth, 4)),
        "alpha": alpha_loss(head.alpha[inner], mask[inner]) + alpha_loss(head.opacity, F.avg_pool2d(mask, 4)),
        "entropy": entropy_loss(head.opacity),
    }
    terms |= lip_terms(got, wanted, window.take_pixels(lip_square(focus, side))[inner])
    if perceptual is not None:
        terms["perceptual"] = perceptual(got, wanted)
    return terms


def lip_square(focus: Tensor, side: int) -> Tensor:
    """(1, 1, side, side): 1 in the square round the mouth; focus (F, 2) is mouth, eye, eye."""
    return square_round(focus[0], LIP_HALF * (focus[1] - focus[2]).norm(), side)


def lip_terms(got: Tensor, wanted: Tensor, square: Tensor) -> dict[str, Tensor]:
    """Colour and edges inside the mouth's square, none where the window does not show it."""
    if not bool(square.any()):
        return {}
    return {"lip": weighted_l1(got, wanted, square), "lip_detail": pyramid_loss(got, wanted, 2, square)}


def density_term(model: Trainee, planes: Tensor, generator: torch.Generator) -> Tensor:
    """Mean difference of densities of points that nearly touch (EG3D's density regularisation)."""
    half = model.config.box_warp / 2
    points = (torch.rand(1, POINTS, 3, generator=generator) * 2 - 1) * half
    beside = points + torch.randn(1, POINTS, 3, generator=generator) * NEARBY * model.config.box_warp
    both = model.densities(planes.float(), torch.cat([points, beside], 1).to(planes.device))
    both = F.softplus(both)
    return (both[:, :POINTS] - both[:, POINTS:]).abs().mean()
