"""The source frame's torso as the torso warp reads it, made up where the head hides it."""

from typing import Literal

import numpy as np
import torch
from torch import Tensor

from portrait3d.torso_layer import torso_layer

Inpainting = Literal["vertical", "push_pull", "none"]

DARKER = 0.98  # per pixel upwards
CLOTHES_REACH = 9
NECK_REACH = 53
NECK_GROWTH = 3  # pixels by which the neck's mask grows up and down
NECK_BELOW = 4  # pixels below its upper edge from which the neck's colour is taken
BLUR_TAPS, BLUR_SIGMA = 5, 4.0


def source_torso(
    frame: Tensor, neck: Tensor, clothes: Tensor, head: Tensor, inpainting: Inpainting = "vertical"
) -> Tensor:
    """Cut the torso out of a frame.

    Args:
        frame: (S, S, 3) uint8.
        neck, clothes, head: (S, S) uint8 masks, 255 where they are seen; they do not overlap.
        inpainting: "vertical" as published weights were trained; "push_pull" lets the colours of all of the
            torso's border flow under the head (`portrait3d.torso_layer`; S a power of two); "none" leaves
            the hidden part out, which is the paper's ablation.

    Returns:
        (3, S, S) float32 in [-1, 1], -1 where the torso is not.

    Raises:
        ValueError: Another word for `inpainting`.
    """
    if inpainting == "vertical":
        masks = (np.asarray(mask) >= 128 for mask in (neck, clothes, head))
        picture, torso = extend_upwards(np.asarray(frame), *masks)
        kept = torch.from_numpy(np.where(torso[..., None], picture, 0).astype(np.float32))
        return (kept / 127.5 - 1).permute(2, 0, 1).contiguous()
    if inpainting not in ("push_pull", "none"):
        raise ValueError(f'inpainting must be "vertical", "push_pull" or "none", got {inpainting!r}')
    layer = torso_layer(frame, torch.maximum(neck, clothes), head, inpaint=inpainting == "push_pull")
    if inpainting == "none":
        return layer[:3]
    return layer[:3] * layer[3:] - (1 - layer[3:])


def extend_upwards(
    frame: np.ndarray, neck: np.ndarray, clothes: np.ndarray, head: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Stretch the upper edge of clothes and neck into the head, column by column, darker and darker.

    Source: Real3D-Portrait section 3.3 and its preprocessing: clothes by 9 pixels, the neck by 53, which is
    then blurred so that the columns do not show.

    Args:
        frame: (H, W, 3) uint8.
        neck, clothes, head: (H, W) bool.

    Returns:
        Picture (H, W, 3) uint8 and the mask (H, W) bool of the whole torso.
    """
    from scipy.ndimage import binary_dilation

    neck = binary_dilation(neck, np.array([[0, 1, 0]] * 3, bool), NECK_GROWTH)
    picture = np.where(head[..., None], 0, frame).astype(np.uint8)
    raised = _raise(picture, frame, clothes, head, CLOTHES_REACH, 0)
    stretched = _raise(picture, frame, neck, head, NECK_REACH, NECK_BELOW)
    picture[stretched] = _blurred(picture)[stretched]
    return picture, neck | clothes | raised | stretched


def _raise(
    picture: np.ndarray, frame: np.ndarray, part: np.ndarray, head: np.ndarray, reach: int, below: int
) -> np.ndarray:
    """Draw into `picture` the columns of `part` that end under the head, `reach` pixels up.

    They start, and take the frame's colour, `below` pixels under the part's edge, as far as it is that high.

    Returns:
        (H, W) bool, where it drew.
    """
    top, height = part.argmax(0), part.sum(0)
    columns = np.flatnonzero((height > 0) & (top > 0))
    columns = columns[head[top[columns] - 1, columns]]
    start = top[columns] + np.minimum(height[columns] - 1, below)
    steps = np.arange(reach)[:, None]
    rows, across = np.broadcast_arrays(start - steps, columns)
    colours = frame[start, columns] * (DARKER**steps)[..., None]
    inside = rows >= 0
    drawn = np.zeros(part.shape, bool)
    drawn[rows[inside], across[inside]] = True
    picture[rows[inside], across[inside]] = colours[inside].astype(np.uint8)
    return drawn


def _blurred(picture: np.ndarray) -> np.ndarray:
    from scipy.ndimage import correlate1d

    offsets = np.arange(BLUR_TAPS) - BLUR_TAPS // 2
    taps = np.exp(-(offsets**2) / (2 * BLUR_SIGMA**2))
    taps /= taps.sum()
    blurred = correlate1d(picture.astype(np.float32), taps, axis=0, mode="mirror")
    return correlate1d(blurred, taps, axis=1, mode="mirror").round().astype(np.uint8)
