"""The torso of a source frame, extended under the head, so that nothing is empty behind a moving chin."""

import torch
from torch import Tensor
from torch.nn import functional as F


def fill_from_known(values: Tensor, known: Tensor) -> Tensor:
    """Fill unknown pixels smoothly from the known ones, coarse to fine (push-pull, Gortler et al. 1996).

    Args:
        values: (B, C, S, S), S a power of two; anything where unknown.
        known: (B, 1, S, S) in [0, 1].

    Returns:
        (B, C, S, S); equal to `values` where known is 1.
    """
    if values.shape[-1] == 1:
        return values * known
    weight = F.avg_pool2d(known, 2)
    mean = F.avg_pool2d(values * known, 2) / weight.clamp_min(1e-6)
    coarse = fill_from_known(mean, (weight * 4).clamp_max(1))
    coarse = F.interpolate(coarse, scale_factor=2, mode="bilinear", align_corners=False)
    return values * known + coarse * (1 - known)


def torso_layer(frame: Tensor, torso_mask: Tensor, head_mask: Tensor, inpaint: bool = True) -> Tensor:
    """Cut the torso out of a frame and extend it under the lower half of the head.

    Source: Real3D-Portrait's torso inpainting, which stretches the neck's upper edge; here colours flow in
    from all of the torso's border.

    Args:
        frame: (S, S, 3) uint8, S a power of two.
        torso_mask: (S, S) uint8, 255 where the torso is seen.
        head_mask: (S, S) uint8.
        inpaint: False leaves black and transparent what the head covers (the paper's ablation).

    Returns:
        (4, S, S) float32: colour in [-1, 1] and alpha in [0, 1].
    """
    torso, head = torso_mask.float() / 255, head_mask.float() / 255
    colour = frame.permute(2, 0, 1).float() / 127.5 - 1
    if not inpaint:
        return torch.cat([colour * torso - (1 - torso), torso[None]])
    # Half-covered pixels carry the colour of what is beside the torso: only whole ones are known.
    known = ((torso - 0.9) * 10).clamp(0, 1)
    colour = fill_from_known(colour[None], known[None, None])[0]
    rows = torch.nonzero(head.sum(1) > 0).flatten()
    under = torch.zeros_like(head)
    if len(rows):
        top, bottom = float(rows[0]), float(rows[-1])
        line = torch.arange(len(head), dtype=head.dtype)
        ramp = ((line - top) / max(bottom - top, 1.0) * 5 - 2.5).clamp(0, 1)
        under = head * ramp[:, None]
    alpha = torch.maximum(torso, torch.minimum(under, 1 - torso) + torso).clamp(0, 1)
    return torch.cat([colour, alpha[None]])
