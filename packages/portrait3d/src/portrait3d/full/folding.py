"""Constant factors folded into weights, for rendering.

The published layers compute, in every frame, what never changes: StyleGAN layers modulate their weights by a
constant w, batch norm scales by stored statistics, spectral norm divides by a stored singular value. Every
module that can do without offers `folded()`, a plain replacement of the same forward; `fold` puts it there.
"""

from typing import Protocol, TypeVar, runtime_checkable

import torch
from torch import nn

Model = TypeVar("Model", bound=nn.Module)


@runtime_checkable
class Foldable(Protocol):
    """A module with a plain replacement."""

    def folded(self) -> nn.Module:
        """A module of the same forward in evaluation mode, without what is constant."""
        ...


def fold(model: Model) -> Model:
    """Replace, in place, every submodule that offers `folded()`, its children first.

    Args:
        model: In evaluation mode; afterwards it renders the same pictures and can no longer be trained. LoRA
            may learn in it: its layers are plain ones.

    Returns:
        The same model.

    Raises:
        ValueError: If it is in training mode, where statistics are not constant.
    """
    if model.training:
        raise ValueError("only a model in evaluation mode can be folded: call model.eval() first")
    _fold_children(model)
    for value in model.parameters():
        if value.ndim == 4:  # as convolutions read them quickest
            value.data = value.data.contiguous(memory_format=torch.channels_last)
    return model.requires_grad_(False)


def _fold_children(module: nn.Module) -> None:
    for name, child in list(module.named_children()):
        _fold_children(child)
        if isinstance(child, Foldable):
            setattr(module, name, child.folded().eval())
