"""What the published adaptation compares in one frame.

Source: MimicTalk (Ye et al. 2024), section 3.2 and its training script: all differences are L1 though the
code calls them mse. LPIPS, whose weights may not ship, is `pyramid_loss` here at LPIPS's weights, as in
`portrait3d.published_adaptation`.
"""

from torch import Tensor
from torch.nn import functional as F

from portrait3d.clip import PortraitClip
from portrait3d.full.model import FullFrame
from portrait3d.held_out import MOUTH_HALF
from portrait3d.losses import entropy_loss, pyramid_loss, square_round, weighted_l1

WEIGHTS = {
    "full": 1.0, "full_perceptual": 0.5, "raw": 0.2, "raw_perceptual": 0.1, "lip": 1.0, "lip_perceptual": 1.0,
    "alpha": 0.01, "entropy": 0.001, "torso": 0.001, "torso_motion": 0.001, "occlusion": 0.001,
    "blink": 0.003,
}  # fmt: skip


def frame_terms(frame: FullFrame, shown: PortraitClip) -> dict[str, Tensor]:
    """The terms of `WEIGHTS` about one picture.

    Args:
        frame: As drawn, batch 1.
        shown: The true frame alone, at the size of the drawn one.

    Returns:
        Scalars by name; those of the torso only where one is drawn. A head alone is compared with the true
        head before black, for it is drawn so.
    """
    mask = shown.mask("head_mask", 0)
    truth, picture = true_picture(shown, head_alone=frame.layers is None), frame.picture * 0.5 + 0.5
    raw, opacity = frame.head.raw * 0.5 + 0.5, frame.head.opacity
    small_truth, small_mask = (
        F.interpolate(part, raw.shape[-2:], mode="area") for part in (shown.picture(0) * mask, mask)
    )
    lip = mouth_square(shown)
    terms = {
        "full": weighted_l1(picture, truth),
        "full_perceptual": pyramid_loss(picture, truth, 3),
        "raw": weighted_l1(raw, small_truth),
        "raw_perceptual": pyramid_loss(raw, small_truth, 2),
        "lip": weighted_l1(picture, truth, lip),
        "lip_perceptual": pyramid_loss(picture, truth, 3, lip),
        "alpha": (opacity - small_mask).square().mean(),
        "entropy": entropy_loss(opacity),
    }
    if frame.layers is None:
        return terms
    torso, seen = shown.mask("torso_mask", 0), 1 - mask
    for name, alpha in (
        ("torso", frame.layers.torso_occlusion),
        ("torso_motion", frame.layers.motion_occlusion),
    ):
        there, where = (F.interpolate(part, alpha.shape[-2:], mode="area") for part in (torso, seen))
        terms[name] = weighted_l1(alpha.float(), there, where)
        if name == "torso":
            terms["occlusion"] = entropy_loss(alpha.float() * where)
    return terms


def true_picture(shown: PortraitClip, *, head_alone: bool) -> Tensor:
    """(1, 3, S, S) in [0, 1] that a drawn frame should be: all of it, or the head before black."""
    picture = shown.picture(0)
    return picture * shown.mask("head_mask", 0) if head_alone else picture


def mouth_square(shown: PortraitClip) -> Tensor:
    """(1, 1, S, S): 1 round the mouth."""
    focus = shown.focus[0]
    return square_round(focus[0], MOUTH_HALF * (focus[1] - focus[2]).norm(), shown.frames.shape[1])
