"""A person before nothing: straight colours and alpha, for whoever lays the picture over another."""

import torch
from torch import Tensor

from portrait3d.torso_layer import fill_from_known

# Networks leave traces of alpha where there is nothing, and traces of nothing in the middle of a coat.
NOTHING, WHOLE = 0.03, 0.97
PURE = 0.9  # from here to 1 a pixel's colour counts as the person's own


def cut_out(colour: Tensor, alpha: Tensor) -> Tensor:
    """Colours that are not mixed with what was behind.

    What is half covered has taken on the colour of what was beside the person when the model learned: laid
    over something else it would show as a rim. Such pixels take the colours of the covered ones near them,
    and so does all that is transparent, where codecs and scaling would mix it in again.

    Args:
        colour: (3, S, S) in [0, 1], times alpha; S a power of two.
        alpha: (1, S, S) in [0, 1].

    Returns:
        (4, S, S) in [0, 1]: straight colour and alpha.
    """
    straight = (colour / alpha.clamp_min(1e-3)).clamp(0, 1)
    known = ((alpha - PURE) / (1 - PURE)).clamp(0, 1)
    filled = fill_from_known(straight[None], known[None])[0]
    return torch.cat([filled, ((alpha - NOTHING) / (WHOLE - NOTHING)).clamp(0, 1)])
