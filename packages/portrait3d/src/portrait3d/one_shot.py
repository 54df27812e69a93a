"""A person from one picture: planes by image-to-plane, torso and background from what the picture shows.

Source: Real3D-Portrait (Ye et al. 2024), section 3.
"""

import torch

from portrait3d.adaptation import predict_planes
from portrait3d.clip import PortraitClip, pncc_to_float
from portrait3d.identity import Identity
from portrait3d.model import Portrait3D
from portrait3d.torso_layer import torso_layer


@torch.no_grad()
def one_shot_identity(model: Portrait3D, picture: PortraitClip, index: int = 0) -> Identity:
    """The person of one picture as the network sees them, without any learning.

    Args:
        model: The generic model.
        picture: A clip of one frame, or a longer one of which one frame is used.
        index: Which.
    """
    return Identity(
        planes=predict_planes(model, picture, index)[0],
        torso=torso_layer(picture.frames[index], picture.torso_mask[index], picture.head_mask[index]),
        background=picture.background.permute(2, 0, 1).float() / 127.5 - 1,
        canonical_pncc=pncc_to_float(picture.canonical_pncc),
        source_pncc=picture.driving_pncc(index)[0],
        source_keypoints=picture.keypoints[index],
    )
