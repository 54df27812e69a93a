"""What the flow-prior VAE is trained with (Real3D-Portrait, Ye et al. 2024): terms and their weights.

reconstructed, coded = vae(heard, motion, valid, generator)
terms = vae_losses(reconstructed, motion, coded, valid, landmarks)
loss = VaeLossWeights().total(terms, step)
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from talk_motion.full.vae import Coded

# Rows of MediaPipe's 468 face landmarks that count more, and those on the outline that do not match.
EYES = (
    *(33, 246, 161, 160, 159, 158, 157, 173, 133, 155, 154, 153, 145, 144, 163, 7),
    *(263, 466, 388, 387, 386, 385, 384, 398, 362, 382, 381, 380, 374, 373, 390, 249),
)
UPPER_EYELIDS = (161, 160, 159, 158, 157, 388, 387, 386, 385, 384)
LIPS = (
    *(61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146),
    *(78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 324, 318, 402, 317, 14, 87, 178, 88, 95),
)
OUTLINE = (93, 127, 132, 234, 323, 356, 361, 454)


@dataclass(frozen=True)
class VaeLossWeights:
    """Weights of the terms, as published; terms that are not given are left out.

    Attributes:
        kl: of the divergence at its peak.
        kl_rise, kl_hold: steps over which it rises from 0 and stays, again and again (Fu et al. 2019).
        expression, landmark, laplacian, size, sync: of the terms of the same names.
    """

    kl: float = 0.02
    kl_rise: int = 2000
    kl_hold: int = 2000
    expression: float = 0.5
    landmark: float = 0.5
    laplacian: float = 1.0
    size: float = 0.1
    sync: float = 0.2

    def __post_init__(self) -> None:
        for name in ("kl", "expression", "landmark", "laplacian", "size", "sync"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise ValueError(f"{name} must be a number >= 0, got {getattr(self, name)}")
        if self.kl_rise < 1 or self.kl_hold < 0:
            raise ValueError(f"need kl_rise >= 1 and kl_hold >= 0, got {self.kl_rise} and {self.kl_hold}")

    def kl_at(self, step: int) -> float:
        """Weight of the divergence at a training step."""
        return self.kl * min(1.0, step % (self.kl_rise + self.kl_hold) / self.kl_rise)

    def total(self, terms: Mapping[str, Tensor], step: int) -> Tensor:
        """Weighted sum."""
        weights = {name: self.kl_at(step) if name == "kl" else getattr(self, name) for name in terms}
        return torch.stack([weights[name] * term for name, term in terms.items()]).sum()


@dataclass(frozen=True)
class LandmarkBasis:
    """How landmarks move with expression, relative to a neutral face.

    Attributes:
        basis: (L, 3, M), in the unit of the face model.
        weights: (L,) how much each landmark counts.
    """

    basis: Tensor
    weights: Tensor

    @classmethod
    def of_mesh(cls, basis: Tensor) -> "LandmarkBasis":
        """The published weights of 468 landmarks: eyes 3, upper eyelids 20, lips 5, outline 0, others 1.

        Raises:
            ValueError: the basis has not 468 landmarks.
        """
        if basis.shape[0] != 468:
            raise ValueError(f"need the 468 landmarks of the face mesh, got {basis.shape[0]}")
        weights = torch.ones(468)
        for rows, weight in ((EYES, 3.0), (UPPER_EYELIDS, 20.0), (LIPS, 5.0), (OUTLINE, 0.0)):
            weights[list(rows)] = weight
        return cls(basis, weights)


def vae_losses(
    found: Tensor, motion: Tensor, coded: Coded, valid: Tensor, landmarks: LandmarkBasis | None = None
) -> dict[str, Tensor]:
    """The terms, each a mean over the frames that are no padding.

    The published Laplacian sees zeros before the first and after the last frame; here only frames with two
    neighbours count.

    Args:
        found, motion: (B, T, M) reconstruction and truth.
        coded: of the same pass.
        valid: (B, T) bool.
        landmarks: of the face model; without them there is no landmark term.

    Returns:
        kl, expression, laplacian, size and, with landmarks, landmark.
    """
    difference = found - motion
    inner = valid[:, :-2] & valid[:, 1:-1] & valid[:, 2:]
    bend = found[:, 1:-1] - 0.5 * (found[:, :-2] + found[:, 2:])
    terms = {
        "kl": divergence(coded),
        "expression": _mean(difference.square().mean(-1), valid),
        "laplacian": _mean(bend.square().mean(-1), inner),
        "size": _mean(found.square().mean(-1), valid),
    }
    if landmarks is not None:
        moved = torch.einsum("btm,lcm->btlc", difference, landmarks.basis.to(difference))
        weighted = moved.square().mean(-1) * landmarks.weights.to(difference)
        terms["landmark"] = _mean(weighted.mean(-1), valid)
    return terms


def divergence(coded: Coded) -> Tensor:
    """KL of posterior and flow prior, from one draw, per channel and latent frame."""
    drawn = (coded.latent - coded.mean) * torch.exp(-coded.log_deviation)
    difference = 0.5 * (coded.noise.square() - drawn.square()) - coded.log_deviation
    return (difference * coded.valid).sum() / coded.valid.sum().clamp(min=1) / difference.shape[1]


def _mean(x: Tensor, valid: Tensor) -> Tensor:
    return (x * valid).sum() / valid.sum().clamp(min=1)
