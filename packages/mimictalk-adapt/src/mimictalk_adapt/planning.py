"""How many steps fit into a time, and what each of them sees."""

import time
from collections.abc import Callable, Sequence

import torch

from mimictalk_adapt.config import AdaptConfig
from mimictalk_adapt.protocol import AdaptableBackbone, JudgingBackbone, RememberingBackbone

PROBE_STEPS = 10
MARGIN = 1.1  # machines do not get faster while they work


def batch_generator(seed: int, step: int) -> torch.Generator:
    """The randomness of one batch: a function of (seed, step), for a resumed run to see the same."""
    return torch.Generator().manual_seed((seed * 1_000_003 + step) % (2**63 - 1))


def steps_within(
    backbone: AdaptableBackbone,
    config: AdaptConfig,
    seconds: float,
    gradients: Callable[[Sequence[int]], object],
) -> int:
    """How many steps fit into a time, from the speed of a few that are thrown away.

    Looks at held-out data are counted: there are about eighteen in a run.

    Args:
        backbone: LoRA is in its network already; nothing that learns is changed.
        config: `steps` is the upper limit.
        seconds: The time left.
        gradients: Does the work of some steps at once.

    Returns:
        At least 1.
    """
    began = time.monotonic()
    memory = backbone.memory() if isinstance(backbone, RememberingBackbone) else {}
    before = {name: value.clone() for name, value in memory.items()}
    taken = []
    for first in range(0, PROBE_STEPS, config.together):
        begin = time.monotonic()
        gradients(range(first, first + config.together))
        taken.append((time.monotonic() - begin) / config.together)
    for name, value in memory.items():
        value.copy_(before[name])
    judging = 0.0
    if isinstance(backbone, JudgingBackbone):
        begin = time.monotonic()
        backbone.judge()
        judging = 18 * (time.monotonic() - begin)
    settled = sorted(taken[len(taken) // 5 :])
    per_step = settled[len(settled) // 2] * MARGIN
    left = seconds - (time.monotonic() - began) - judging
    return max(1, min(config.steps, int(left / per_step)))
