"""Judging whether two gradients are the same: near, zero in the same places, pointing the same way."""

import torch
from torch import Tensor


def assert_same(name: str, got: Tensor, wanted: Tensor, tolerance: float, floor: float = 1e-6) -> None:
    """Fail unless `got` is `wanted` but for `tolerance` of its largest value.

    `floor` is the size of what was summed: a sum that happens to cancel errs by its terms, not by itself.

    Closeness alone forgives a gradient that is too small everywhere or lies in wrong places, so the pattern
    of zeros (an untouched texel has exactly none) and the cosine are judged too.
    """
    wanted = wanted.to(got.dtype)
    assert got.shape == wanted.shape, name
    if not got.numel():
        return
    largest = max(float(wanted.abs().max()), floor)
    worst = float((got - wanted).abs().max())
    assert worst <= tolerance * largest, f"{name}: off by {worst:.3g} of {largest:.3g}"
    if not name.startswith("grad_"):
        return
    visible = wanted.abs() > tolerance * largest
    assert bool((got[visible] != 0).all()), f"{name}: zero where a gradient was wanted"
    assert not bool((got[wanted == 0].abs() > tolerance * largest).any()), (
        f"{name}: gradient in a wrong place"
    )
    if largest > floor:
        cosine = torch.nn.functional.cosine_similarity(
            got.flatten().double(), wanted.flatten().double(), dim=0
        )
        assert float(cosine) > 1 - 10 * tolerance, f"{name}: cosine {float(cosine)}"
