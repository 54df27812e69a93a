"""Torso and background of a person, cut out of a clip as the published model reads them."""

import torch
from torch import Tensor

from portrait3d.clip import PortraitClip
from portrait3d.full.clip_size import at_size
from portrait3d.full.model import Surroundings
from portrait3d.full.torso_inpainting import Inpainting, source_torso

SKIN_REACH = 0.25  # of the distance between the eyes, round the nose: nobody's hair or glasses
HUE_REACH = 0.05  # of chromaticity, in which light and shade of one skin differ by less
DARKEST, BRIGHTEST = 0.25, 1.6  # times the face's brightness: a neck lies in the shade of its chin


def surroundings_of(
    clip: PortraitClip, source: int, side: int, inpainting: Inpainting = "vertical"
) -> Surroundings:
    """What a picture of the person shows beside the head (Real3D-Portrait section 3.3).

    Args:
        clip: On the CPU, with the key-points that the model wants (`torso_keypoints`).
        source: Index of the source frame.
        side: Of the model's pictures.
        inpainting: How the torso goes on under the head, see `source_torso`.

    Returns:
        Torso (1, 3, side, side), mask (1, 2, side, side), background (1, 3, side, side) and key-points
        (1, K, 2).
    """
    shown = at_size(clip.take([source]), side)
    frame, head = shown.frames[0], shown.head_mask[0]
    neck, clothes = neck_and_clothes(frame, shown.torso_mask[0], shown.focus[0])
    torso = source_torso(frame, neck, clothes, head, inpainting)
    return Surroundings(
        torso=torso[None],
        mask=torch.stack([neck, clothes])[None].float() / 255,
        background=(shown.background.permute(2, 0, 1).float() / 127.5 - 1)[None],
        keypoints=shown.keypoints[:1],
    )


def neck_and_clothes(frame: Tensor, torso: Tensor, focus: Tensor) -> tuple[Tensor, Tensor]:
    """Tell skin from clothes in a torso's mask by the colour of the face.

    The published segmentation has both as classes. Skin is what has the chromaticity of the face round the
    nose and is neither much darker nor brighter; clothes in the colour of skin are taken for it.

    Args:
        frame: (S, S, 3) uint8.
        torso: (S, S) uint8, 255 where it is.
        focus: (3, 2) mouth and eyes in [0, 1] of the picture.

    Returns:
        (S, S) uint8 each; together they are `torso`.
    """
    side, colours = len(frame), frame.float() + 1  # black has no chromaticity
    nose = focus.mean(0)
    reach = (SKIN_REACH * (focus[1] - focus[2]).norm()).clamp_min(1 / side)
    line = (torch.arange(side) + 0.5) / side
    across, down = ((line - nose[axis]).abs() <= reach for axis in (0, 1))
    if not (across.any() and down.any()):
        return torch.zeros_like(torso), torso
    skin = colours[down][:, across].flatten(0, 1).median(0).values
    away = (colours / colours.sum(-1, keepdim=True) - skin / skin.sum()).norm(dim=-1)
    bright = colours.sum(-1) / skin.sum()
    bare = (away < HUE_REACH) & (bright > DARKEST) & (bright < BRIGHTEST)
    return torso * bare, torso * ~bare
