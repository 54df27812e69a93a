"""Adam as a run needs it: its groups, its averaged weights, and its whole state as named tensors."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from portrait3d.training.settings import Optimisation
from portrait3d.training.sharding import clip_gradients, laid_out_as

SHARED = "image_to_plane.mean_planes"


class NamedAdam:
    """Adam over named parameters; its state goes to and comes from a flat dictionary of tensors.

    Args:
        parameters: By name.
        settings: Rates, betas.
        relative: Rate relative to the settings'.
    """

    def __init__(
        self, parameters: Mapping[str, nn.Parameter], settings: Optimisation, relative: float = 1.0
    ) -> None:
        self.parameters, self.settings = dict(parameters), settings
        groups = [
            {"params": [p], "relative": relative * (settings.shared_planes_rate if name == SHARED else 1.0)}
            for name, p in self.parameters.items()
        ]
        self.adam = torch.optim.Adam(groups, lr=0.0, betas=(settings.beta1, settings.beta2), foreach=False)

    def clear(self) -> None:
        """Forget the gradients."""
        self.adam.zero_grad(set_to_none=True)

    def step(self, number: int) -> bool:
        """Step with the rate of a step; False, and nothing changed, where a gradient is not finite."""
        settings = self.settings
        norm = clip_gradients(self.parameters.values(), settings.clip or float("inf"))
        if not bool(torch.isfinite(norm)):
            return False
        for group in self.adam.param_groups:
            group["lr"] = settings.learning_rate * settings.rate(number) * group["relative"]
        self.adam.step()
        return True

    def tensors(self) -> dict[str, Tensor]:
        """Moments and step counts by parameter: "NAME/exp_avg", …"""
        return {
            f"{name}/{key}": value
            for name, p in self.parameters.items()
            for key, value in self.adam.state.get(p, {}).items()
        }

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Take up what `tensors` gave, whole."""
        for name, p in self.parameters.items():
            keys = [key for key in tensors if key.rpartition("/")[0] == name]
            if keys:
                state = {key.rpartition("/")[2]: tensors[key].clone() for key in keys}
                self.adam.state[p] = {
                    key: value if key == "step" else laid_out_as(value, p) for key, value in state.items()
                }


class AveragedWeights:
    """Exponential moving average of named parameters; what is saved and looked at.

    Args:
        parameters: By name.
        decay: Towards which the decay rises, as (1 + n) / (10 + n) in step n; 0 keeps no average.
    """

    def __init__(self, parameters: Mapping[str, nn.Parameter], decay: float) -> None:
        self.parameters, self.decay = dict(parameters), decay
        self.averages = {name: p.detach().clone() for name, p in parameters.items()} if decay else {}

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take in the weights after step `step` (from 0)."""
        decay = min(self.decay, (1 + step) / (10 + step))
        for name, average in self.averages.items():
            average.lerp_(self.parameters[name].detach(), 1 - decay)

    @torch.no_grad()
    def exchange(self) -> None:
        """Swap averages and weights; a second call swaps them back."""
        for name, average in self.averages.items():
            kept = self.parameters[name].detach().clone()
            self.parameters[name].copy_(average)
            average.copy_(kept)

    @torch.no_grad()
    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Take up kept averages."""
        for name, average in self.averages.items():
            average.copy_(laid_out_as(tensors[name], average))
