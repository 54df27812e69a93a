"""Gradients of several steps at the same values, at the same time on a CPU."""

import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from mimictalk_adapt.planning import batch_generator
from mimictalk_adapt.protocol import AdaptableBackbone, RememberingBackbone


@dataclass(frozen=True, eq=False)
class StepGradient:
    """What one batch says at the values it met.

    Attributes:
        loss: Scalar.
        terms: Of the loss.
        gradients: By parameter, None where the loss does not depend on it; empty if the loss is not finite.
        seconds: That the thread was at work for "loss" and "backward".
    """

    loss: Tensor
    terms: dict[str, Tensor]
    gradients: list[Tensor | None]
    seconds: dict[str, float]


class StepGradients:
    """Computes the gradients of single steps, each with one thread of several.

    One frame is too little work for all cores: two threads make a step only a third faster, two steps at a
    time take little longer than one. Which steps meet the same values is part of the run's settings, not of
    the machine, so that a run ends the same on any number of cores.

    Args:
        backbone: What learns. Where it lies on a device, or remembers what it has met, steps are taken one
            after the other, at the same values all the same.
        parameters: What gradients are wanted of.
        seed: Of the run.

    Attributes:
        remembers: Whether computing them changes the backbone, so that it must not be cut short.
    """

    def __init__(self, backbone: AdaptableBackbone, parameters: Iterable[nn.Parameter], seed: int) -> None:
        self.backbone, self.parameters, self.seed = backbone, list(parameters), seed
        self.remembers = isinstance(backbone, RememberingBackbone) and bool(backbone.memory())
        self._apart = not self.remembers and all(p.device.type == "cpu" for p in self.parameters)

    def at(self, steps: Sequence[int]) -> list[StepGradient]:
        """Of these steps, in their order. Who is interrupted does not wait for those in work."""
        if len(steps) == 1 or not self._apart:
            return [self._one(step) for step in steps]
        with _threads_of_their_own(len(steps)) as pool:
            return list(pool.map(self._one, steps))

    def _one(self, step: int) -> StepGradient:
        began = time.thread_time()
        loss, terms = self.backbone.loss(batch_generator(self.seed, step))
        drawn = time.thread_time()
        found: Sequence[Tensor | None] = ()
        if bool(torch.isfinite(loss)):
            given = torch.autograd.grad(loss, self.parameters, allow_unused=True)
            found = [
                None if gradient is None else laid_out(gradient, like)
                for gradient, like in zip(given, self.parameters, strict=True)
            ]
        seconds = {"loss": drawn - began, "backward": time.thread_time() - drawn}
        return StepGradient(
            loss.detach(), {n: value.detach() for n, value in terms.items()}, list(found), seconds
        )


def laid_out(values: Tensor, like: Tensor) -> Tensor:
    """A gradient, or a moment from the disk, in its parameter's order of memory: fused optimisers go through
    both side by side, and take values that have their channels last for some that have them first."""
    return values if values.stride() == like.stride() else torch.empty_like(like).copy_(values)


@contextmanager
def _threads_of_their_own(count: int) -> Iterator[ThreadPoolExecutor]:
    """A thread for each of `count` pieces of work, which share the threads that torch has."""
    threads = torch.get_num_threads()
    each = max(1, threads // count)
    pool = ThreadPoolExecutor(count, "step", torch.set_num_threads, (each,))
    try:
        yield pool
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        torch.set_num_threads(threads)
