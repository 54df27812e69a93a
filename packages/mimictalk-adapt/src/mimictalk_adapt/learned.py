"""Everything that learns in a run: its values, their running mean, and the point to go back to."""

import torch
from torch import Tensor, nn


class Learned:
    """The learned values by name.

    Args:
        parameters: What the optimiser changes.
        ema: Decay of the running mean; 0 for none.

    Attributes:
        kept: Values of the best held-out point, or, without a judge, of the last look.
    """

    def __init__(self, parameters: dict[str, nn.Parameter], ema: float) -> None:
        self.parameters, self.ema = parameters, ema
        self.average = self._copies() if ema else {}
        self.kept = self._copies()
        self._put_aside: dict[str, Tensor] = {}

    @torch.no_grad()
    def follow(self, steps: int) -> None:
        """Move the running mean after a step; `steps` done shorten its memory at the beginning, so that the
        first values do not weigh for long (as in torch_ema and timm)."""
        if self.average:
            share = 1 - min(self.ema, (1 + steps) / (10 + steps))
            values = [self.parameters[name].detach() for name in self.average]
            torch._foreach_lerp_(list(self.average.values()), values, share)

    @torch.no_grad()
    def is_finite(self) -> bool:
        """Whether no value is infinite or NaN."""
        norms = torch._foreach_norm([value.detach() for value in self.parameters.values()])
        return bool(torch.isfinite(torch.stack([norm.float() for norm in norms])).all())

    def show_average(self) -> None:
        """Put the running mean in the parameters' place until `show_values`."""
        if self.average:
            self._put_aside = self._copies()
            self._put(self.average)

    def show_values(self) -> None:
        """Undo `show_average`; nothing happens when there is nothing to undo."""
        if self._put_aside:
            self._put(self._put_aside)
            self._put_aside = {}

    @torch.no_grad()
    def keep(self) -> None:
        """Remember the values that are shown."""
        for name, value in self.parameters.items():
            self.kept[name].copy_(value)

    def go_back(self) -> None:
        """Return to what was kept; the running mean begins anew there."""
        self._put(self.kept)
        for name, value in self.average.items():
            value.copy_(self.kept[name])

    def tensors(self) -> dict[str, Tensor]:
        """Everything, for a state."""
        values = {name: value.detach() for name, value in self.parameters.items()}
        parts = {"value": values, "average": self.average, "kept": self.kept}
        return {f"{part}.{name}": value for part, all_ in parts.items() for name, value in all_.items()}

    @torch.no_grad()
    def load(self, tensors: dict[str, Tensor]) -> None:
        """Take up what `tensors` gave."""
        for name, value in self.tensors().items():
            value.copy_(tensors[name])

    def _copies(self) -> dict[str, Tensor]:
        return {name: value.detach().clone() for name, value in self.parameters.items()}

    @torch.no_grad()
    def _put(self, values: dict[str, Tensor]) -> None:
        for name, parameter in self.parameters.items():
            parameter.copy_(values[name])
