"""Flow matching on a straight path: t = 0 is noise, t = 1 is data (Lipman et al. 2023, eq. 20-23, sigma =
0)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

Method = Literal["euler", "midpoint", "heun"]
Velocity = Callable[[Tensor, float], Tensor]
PASSES = {"euler": 1, "midpoint": 2, "heun": 2}  # evaluations of the network per step


def path(noise: Tensor, data: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    """Point and velocity on the straight path.

    Args:
        noise, data: (B, T, M).
        t: (B,) in [0, 1].

    Returns:
        x_t = (1 - t) noise + t data, and its velocity data - noise.
    """
    at = t[:, None, None]
    return (1 - at) * noise + at * data, data - noise


def solve(velocity: Velocity, noise: Tensor, steps: int, method: Method = "euler") -> Tensor:
    """Follows a velocity field from t = 0 to t = 1 in equal steps.

    Args:
        velocity: (x, t) -> dx/dt, same shape as x.
        noise: start.
        steps: number of steps; the network runs `PASSES[method]` times in each.
        method: "euler" (order 1), "midpoint" or "heun" (order 2).

    Raises:
        ValueError: fewer than one step, or an unknown method.
    """
    if steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}")
    if method not in PASSES:
        raise ValueError(f"method must be one of {sorted(PASSES)}, got {method!r}")
    x, h = noise, 1.0 / steps
    for i in range(steps):
        t = i * h
        slope = velocity(x, t)
        if method == "midpoint":
            slope = velocity(x + 0.5 * h * slope, t + 0.5 * h)
        elif method == "heun":
            slope = 0.5 * (slope + velocity(x + h * slope, t + h))
        x = x + h * slope
    return x


def infill_mask(frames: int, generator: torch.Generator) -> Tensor:
    """What the model has to fill in while it learns: (T,) bool, True = hidden.

    60 to 100 % of the frames are hidden, in half of the draws one span, in half scattered
    (published-systems 3.4). One draw in eight hides everything: that is how the model learns to speak
    without a prompt.
    """
    draw = torch.rand(4, generator=generator)
    if draw[0] < 0.125:
        return torch.ones(frames, dtype=torch.bool)
    count = round(float(0.6 + 0.4 * draw[1]) * frames)
    if draw[2] < 0.5:
        start = round(float(draw[3]) * (frames - count))
        hidden = torch.zeros(frames, dtype=torch.bool)
        hidden[start : start + count] = True
        return hidden
    return torch.rand(frames, generator=generator).argsort() < count
