"""What a backbone must offer to be adapted to one person."""

from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn


@runtime_checkable
class AdaptableBackbone(Protocol):
    """A generic network that can learn one person: static parameters of its own, LoRA in the network.

    Nothing here speaks of faces: any renderer whose person is a set of tensors and whose network has linear
    or convolution layers can be adapted.
    """

    @property
    def network(self) -> nn.Module:
        """The generic module. It is frozen and gets LoRA; nothing else in it changes."""
        ...

    def lora_targets(self) -> list[str]:
        """Full names of the layers of `network` that get LoRA."""
        ...

    def static_parameters(self) -> dict[str, tuple[nn.Parameter, float]]:
        """The person's own tensors: name -> (parameter, learning rate relative to the run's)."""
        ...

    def loss(self, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss of one random batch and its terms. `generator` is the only source of randomness, so that
        a batch is a function of (seed, step)."""
        ...


@runtime_checkable
class JudgingBackbone(AdaptableBackbone, Protocol):
    """A backbone that can say how good it is on data it does not learn from."""

    def judge(self) -> dict[str, float]:
        """Held-out numbers by name. `score`, the lower the better, says which point of a run is best. The
        same values always give the same numbers. Empty where there is nothing to judge by."""
        ...


@runtime_checkable
class RememberingBackbone(AdaptableBackbone, Protocol):
    """A backbone whose batches also depend on what it has met so far."""

    def memory(self) -> dict[str, Tensor]:
        """Tensors that `loss` changes in place, by name: they are saved with the state and put back."""
        ...
