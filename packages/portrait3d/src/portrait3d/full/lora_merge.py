"""Low-rank adapters of published checkpoints, merged into the weights they adapt.

Source: LoRA (Hu et al. 2021), section 4.1, as MimicTalk's published code applies it: a layer of kernel k has
A (r k, in k) and B (out k, r k); the change of its weight is (alpha / r) (B A), laid out like the weight.
alpha is 1, so rank 2 gives the scaling 0.5.
"""

import math
import re
from dataclasses import dataclass

import torch
from torch import Tensor

ALPHA = 1.0
A, B = ".lora_A", ".lora_B"
# Layers with an equalised learning rate store weight / gain; the published change is added after the gain.
EQUALISED = re.compile(r"(^|\.)(affine|prenet)$|^decoder\.net\.\d+$")


@dataclass(frozen=True)
class MergedLora:
    """What merging did.

    Attributes:
        tensors: All other tensors, with merged weights, by published name.
        layers: The layers merged.
        rank: Their rank r, 0 without LoRA.
        parameters: Number of values in all A and B.
        duplicates: Second names of one tensor, dropped after comparing.
    """

    tensors: dict[str, Tensor]
    layers: tuple[str, ...]
    rank: int
    parameters: int
    duplicates: tuple[str, ...]


def merge_lora(tensors: dict[str, Tensor]) -> MergedLora:
    """Merge every `<layer>.lora_A`, `<layer>.lora_B` into `<layer>.weight`, in float32.

    Args:
        tensors: Published names to tensors; not changed.

    Raises:
        ValueError: If A, B and weight of a layer do not belong together, ranks differ, or two names of one
            tensor hold different values.
    """
    merged = dict(tensors)
    duplicates = _drop_duplicates(merged)
    layers = sorted({name[: -len(A)] for name in tensors if name.endswith((A, B))})
    ranks, parameters = set(), 0
    for layer in layers:
        missing = [part for part in (A, B, ".weight") if layer + part not in merged]
        if missing:
            raise ValueError(f"the LoRA of {layer} is incomplete: no {layer}{missing[0]}")
        a, b = merged.pop(layer + A).float(), merged.pop(layer + B).float()
        weight = merged[layer + ".weight"].float()
        rank = _rank(layer, a, b, weight)
        ranks.add(rank)
        change = (b @ a).reshape(weight.shape) * (ALPHA / rank)
        if EQUALISED.search(layer):
            change = change * math.sqrt(weight[0].numel())
        merged[layer + ".weight"] = weight + change
        parameters += a.numel() + b.numel()
    if len(ranks) > 1:
        raise ValueError(f"the LoRA has several ranks {sorted(ranks)}; published ones have one")
    return MergedLora(merged, tuple(layers), max(ranks, default=0), parameters, tuple(duplicates))


def _rank(layer: str, a: Tensor, b: Tensor, weight: Tensor) -> int:
    kernel = weight.shape[-1] if weight.dim() > 2 else 1
    rank, left = divmod(a.shape[0], kernel)
    if left or not rank or b.shape[1] != a.shape[0] or b.shape[0] * a.shape[1] != weight.numel():
        shapes = "A {}, B {}, weight {}".format(*(tuple(tensor.shape) for tensor in (a, b, weight)))
        raise ValueError(f"the LoRA of {layer} does not fit: {shapes}")
    return rank


def _drop_duplicates(tensors: dict[str, Tensor]) -> list[str]:
    """The published LoRA convolution wraps another one: `<layer>.conv.weight` is `<layer>.weight` again."""
    found = [
        name
        for name in tensors
        if re.search(r"\.conv\.(weight|bias)$", name) and name.rsplit(".conv.", 1)[0] + A in tensors
    ]
    for name in found:
        layer, part = name.rsplit(".conv.", 1)
        second = tensors.pop(name)
        if not torch.equal(second, tensors.setdefault(f"{layer}.{part}", second)):
            raise ValueError(f"{name} and {layer}.{part} should be one tensor but differ")
    return found
