"""What generator and discriminator play for.

Sources: the non-saturating loss of Goodfellow et al. 2014, the R1 penalty of Mescheder et al. 2018.
"""

import torch
from torch import Tensor
from torch.nn import functional as F


def generator_loss(fake_logits: Tensor) -> Tensor:
    """Mean of -log sigmoid(logits) of generated pictures; logits (B, 1)."""
    return F.softplus(-fake_logits).mean()


def discriminator_loss(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """Mean of -log sigmoid(real) plus mean of -log(1 - sigmoid(fake)); logits (B, 1)."""
    return F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()


def r1_penalty(real_logits: Tensor, pictures: tuple[Tensor, ...]) -> Tensor:
    """Half the squared gradient of the logits by the real pictures, summed over pixels, mean over the batch.

    The published weight is 5, times 16 where it is taken every 16th step only.

    Args:
        real_logits: (B, 1), computed from `pictures`.
        pictures: Picture (B, 3, S, S) and raw rendering (B, 3, s, s), leaves that require gradients.

    Returns:
        A scalar that can be differentiated by the discriminator's weights.
    """
    gradients = torch.autograd.grad(real_logits.sum(), pictures, create_graph=True)
    squares = [gradient.square().sum((1, 2, 3)).mean() for gradient in gradients]
    return torch.stack(squares).sum() / 2
