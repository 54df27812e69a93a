"""What is known of expressions before any landmark is seen."""

import torch
from torch import Tensor

from face3dmm.arkit import ARKIT_NAMES
from face3dmm.model import EXPRESSION_SIZE

# What landmarks cannot tell from its neighbours, or at all, stays nearer to rest than the others.
_TIGHT = {"tongueOut": 1e-3, "cheekPuff": 0.3, "jawForward": 0.4, "eyeLook": 0.3}

_RESIDUAL = 0.85  # of what has no name beside ARKIT shapes: other tools know the named ones only


class ExpressionPrior:
    """Normal about rest; ARKIT coefficients also pay for leaving [0, 1].

    Args:
        below_zero, above_one: Standard deviations of how far they leave it.
        spread: Standard deviation of a coefficient, ARKIT and residual alike.
        named: How many leading coefficients are ARKIT's; see `FaceModel.named`.
    """

    def __init__(
        self, below_zero: float, above_one: float, spread: float = 1.0, named: int = len(ARKIT_NAMES)
    ) -> None:
        deviations, self._named = torch.ones(EXPRESSION_SIZE), slice(0, named)
        if named:
            deviations[named:] = _RESIDUAL
        for position, name in enumerate(ARKIT_NAMES[:named]):
            deviations[position] = next((sd for stem, sd in _TIGHT.items() if name.startswith(stem)), 1.0)
        self._base = (deviations * spread) ** -2
        self._below, self._above = below_zero**-2, above_one**-2

    def energy(self, expression: Tensor) -> Tensor:
        """Negative logarithm (T,) of the density at (T, E), without its constant."""
        below, above = self._outside(expression)
        outside = below.square() * self._below + above.square() * self._above
        return ((expression.square() * self._base).sum(-1) + outside.sum(-1)) / 2

    def __call__(self, expression: Tensor) -> tuple[Tensor, Tensor]:
        """Gradient and diagonal curvature of the energy, both (T, E)."""
        below, above = self._outside(expression)
        slope = expression * self._base
        curve = self._base.expand_as(expression).clone()
        slope[:, self._named] += below * self._below + above * self._above
        curve[:, self._named] += (below < 0) * self._below + (above > 0) * self._above
        return slope, curve

    def _outside(self, expression: Tensor) -> tuple[Tensor, Tensor]:
        named = expression[:, self._named]
        return named.clamp(max=0), (named - 1).clamp(min=0)
