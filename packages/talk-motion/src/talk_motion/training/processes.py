"""Several processes of one run, as torchrun starts them: each takes its share of every batch, in pieces."""

import os
from collections.abc import Iterable
from dataclasses import dataclass, field

import torch
from torch import Tensor, distributed, nn


@dataclass(frozen=True)
class Share:
    """A part of every batch, and where it is computed.

    Attributes:
        rank: Its number, from 0.
        count: How many there are.
        device: What computes it.
    """

    rank: int = 0
    count: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    @property
    def share(self) -> slice:
        """The clips of a batch that belong to it."""
        return slice(self.rank, None, self.count)


@dataclass(frozen=True)
class Processes(Share):
    """This process among those of the run, with its share of every batch."""

    def pieces(self, number: int) -> list[Share]:
        """This process's share cut into as many, to be gone through one by one."""
        return [Share(self.rank + k * self.count, number * self.count, self.device) for k in range(number)]

    @classmethod
    def join(cls, device: str = "cpu") -> "Processes":
        """Join the others if torchrun says there are any (RANK, WORLD_SIZE, LOCAL_RANK).

        Args:
            device: "cpu", where gloo connects the processes, or "cuda": NCCL, one GPU for each.
        """
        count = int(os.environ.get("WORLD_SIZE", "1"))
        if device == "cuda":
            device = f"cuda:{os.environ.get('LOCAL_RANK', '0')}"
            torch.cuda.set_device(device)
        if count > 1 and not distributed.is_initialized():
            _connect("nccl" if device.startswith("cuda") else "gloo")
        return cls(int(os.environ.get("RANK", "0")), count, torch.device(device))

    def leave(self) -> None:
        """End the connection."""
        if self.count > 1:
            distributed.destroy_process_group()

    @property
    def first(self) -> bool:
        """Whether this process writes the files."""
        return self.rank == 0

    def average(self, tensors: Iterable[Tensor]) -> None:
        """Make every tensor its mean over the processes, in place."""
        tensors = list(tensors)
        if self.count == 1 or not tensors:
            return
        flat = torch.cat([tensor.flatten() for tensor in tensors])
        distributed.all_reduce(flat)
        flat /= self.count
        for tensor, part in zip(tensors, flat.split([t.numel() for t in tensors]), strict=True):
            tensor.copy_(part.view_as(tensor))

    def average_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Make every gradient the mean over the processes; one that is missing here counts as zero, one that
        is missing everywhere stays missing."""
        if self.count == 1:
            return
        parameters = list(parameters)
        reached = torch.tensor([float(p.grad is not None) for p in parameters], device=self.device)
        distributed.all_reduce(reached)
        for parameter, count in zip(parameters, reached.tolist(), strict=True):
            if count and parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        self.average(p.grad for p in parameters if p.grad is not None)

    def any(self, flag: bool) -> bool:
        """Whether it is so in any process; all get the same answer."""
        if self.count == 1:
            return flag
        answer = torch.tensor(float(flag), device=self.device)
        distributed.all_reduce(answer)
        return bool(answer > 0)

    def wait(self) -> None:
        """Wait for the others."""
        if self.count > 1:
            distributed.barrier()


def _connect(backend: str) -> None:
    """Find the others, after a restart too.

    torchrun (2.13) keeps one store over restarts, where addresses of ended processes still lie; whoever reads
    one waits for half an hour. On one machine every restart gets a part of the store of its own. Several
    machines do not agree on the number of restarts: docs/scaling.md says what helps there.
    """
    if os.environ.get("LOCAL_WORLD_SIZE") != os.environ["WORLD_SIZE"]:
        distributed.init_process_group(backend)
        return
    store, rank, count = next(distributed.rendezvous("env://"))
    own = distributed.PrefixStore(f"restart {os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')}", store)
    distributed.init_process_group(backend, store=own, rank=rank, world_size=count)
