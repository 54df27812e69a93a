"""The background behind a person, put together from the frames of a clip, as published weights were trained.

Source: the preprocessing of Real3D-Portrait and MimicTalk (nearest neighbours on kd-trees), here with
distance transforms, frame after frame. A plate of better quality is the median of all frames that show a
pixel; this one is for pictures like those that published weights have seen.
"""

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

from portrait3d.errors import InputError

CLEAR = 10.0  # pixels from the person at which a pixel certainly shows the background
PERSON = 16  # of 255: hair and soft edges carry the person's colour, too


def published_interval(frames: int) -> int:
    """Every how many frames the published recipe looks at one; at the first only where this is no less."""
    if frames < 100:
        return 5
    return 20 if frames < 10000 else frames // 500


def nearest_background(
    frames: Iterable[Tensor | np.ndarray], person: Iterable[Tensor | np.ndarray]
) -> Tensor:
    """Every pixel from the frame in which the person is farthest; where that is near, from the nearest pixel.

    Args:
        frames: T pictures (H, W, 3) uint8; two at a time are in memory.
        person: T masks (H, W) uint8, 255 where the person is.

    Returns:
        (H, W, 3) uint8.

    Raises:
        InputError: There are no frames, or nowhere is the person ever farther than 10 pixels.
        ValueError: There are not as many masks as frames.
    """
    from scipy.ndimage import distance_transform_edt

    plate, farthest = None, None
    for frame, mask in zip(frames, person, strict=True):
        picture, free = np.asarray(frame), np.asarray(mask) < PERSON
        # Without anyone in it the transform has nothing to measure from.
        distance = np.full(free.shape, np.inf) if free.all() else distance_transform_edt(free)
        if plate is None or farthest is None:
            plate, farthest = picture.copy(), distance
        else:
            farther = distance > farthest
            plate[farther], farthest[farther] = picture[farther], distance[farther]
    if plate is None or farthest is None:
        raise InputError("background", "there are no frames to take it from", "Give at least one frame.")
    unknown = farthest <= CLEAR
    if unknown.all():
        raise InputError(
            "background",
            f"the person is never farther than {CLEAR:g} pixels from any pixel",
            "Give a background picture, or a clip that shows some of the background.",
        )
    rows, columns = distance_transform_edt(unknown, return_distances=False, return_indices=True)
    return torch.from_numpy(plate[rows, columns])
