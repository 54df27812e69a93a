"""What the published torso stage compares in a frame.

Source: Real3D-Portrait (Ye et al. 2024) section 3.3 and its training script for the torso. Pictures are
compared in [-1, 1], so that the published weights mean what they meant. Other than in the script, perceptual
networks see [0, 1], which they were trained for.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from portrait3d.clip import PortraitClip
from portrait3d.full.model import FullFrame
from portrait3d.losses import energy_loss, entropy_loss, pyramid_loss
from portrait3d.perceptual import Perceptual
from portrait3d.training.head_terms import lip_square, lip_terms
from portrait3d.training.stage import Judged

REACH = 20 / 512  # of the picture's side, by which the torso's mask grows
BESIDE = 0.5  # what a pixel beside it counts
ODD, LEAST = 0.8, 0.5  # no pixel counts more than this quantile of all, nor is anything cut below


def torso_terms(frame: FullFrame, shown: PortraitClip, perceptual: Perceptual | None) -> dict[str, Tensor]:
    """Terms of `StageLosses` by name: those whose gradient reaches the head-torso-background model.

    Args:
        frame: As drawn, batch 1, with its layers.
        shown: The true frame alone, at the size of the drawn one.
        perceptual: Compares features, or None.

    Returns:
        Scalars. `lip` and `lip_detail` are missing where the mouth is outside the picture; `lip_detail` is
        the perceptual network's verdict on the mouth where there is one, else the mouth's edges.
    """
    assert frame.layers is not None
    got, wanted = frame.picture, shown.picture(0) * 2 - 1
    terms = {
        "colour": clamped_l1(got, wanted, torso_heed(shown.mask("torso_mask", 0))),
        "pyramid": pyramid_loss(got, wanted, 3),
        "energy": energy_loss(got, wanted),
        "occlusion": entropy_loss(frame.layers.torso_occlusion.float()),
    }
    square = lip_square(shown.focus[0], got.shape[-1])
    terms |= lip_terms(got, wanted, square)
    if perceptual is not None:
        pictures = got / 2 + 0.5, shown.picture(0)
        terms["perceptual"] = perceptual(*pictures)
        if "lip" in terms:
            rows, columns = (square[0, 0].amax(axis).nonzero().flatten() for axis in (1, 0))
            mouth = (..., slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
            terms["lip_detail"] = perceptual(*(picture[mouth] for picture in pictures))
    return terms


def torso_heed(mask: Tensor) -> Tensor:
    """(1, 1, S, S): 1 at the torso of a mask (1, 1, S, S) in [0, 1] and round it, elsewhere `BESIDE`."""
    reach = round(REACH * mask.shape[-1])
    near = F.max_pool2d((mask > 0.5).to(mask), 2 * reach + 1, 1, reach)
    return BESIDE + (1 - BESIDE) * near


def clamped_l1(got: Tensor, wanted: Tensor, heed: Tensor) -> Tensor:
    """Mean over the pixels of the weighted difference, summed over colours; odd pixels are cut.

    Heads that are not quite in their pose would otherwise be most of it.

    Args:
        got, wanted: (1, 3, S, S).
        heed: (1, 1, S, S) weights.
    """
    error = (got - wanted).abs().sum(1, keepdim=True) * heed
    return torch.minimum(error, error.detach().quantile(ODD).clamp_min(LEAST)).mean()


def judged(frame: FullFrame, shown: PortraitClip) -> tuple[Judged, Judged]:
    """A frame as drawn and as it is, each with its head before black, for the discriminator.

    Args:
        frame, shown: As of `torso_terms`.
    """
    raw, truth = frame.head.raw, shown.picture(0)
    head = F.interpolate(truth * shown.mask("head_mask", 0), raw.shape[-2:], mode="area")
    camera = torch.cat([shown.camera_to_world.flatten(1), shown.intrinsics.flatten(1)], 1)
    return (
        Judged(frame.picture, raw.clamp(-1, 1), camera),
        Judged(truth * 2 - 1, head * 2 - 1, camera),
    )
