"""Several processes of one run, as torchrun starts them.

Gradients are averaged by hand, once per step, as EG3D's training does: R1 differentiates twice, which
`DistributedDataParallel` does not follow, and which layers an item reaches differs between processes.
"""

import atexit
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, distributed, nn


@dataclass(frozen=True)
class Processes:
    """This process among those of the run.

    Attributes:
        rank: Its number, from 0.
        count: How many there are.
        device: What it computes on.
    """

    rank: int = 0
    count: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

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
            # One group for all stages of a program: a second one would find the first one's addresses.
            atexit.register(_leave)
        return cls(int(os.environ.get("RANK", "0")), count, torch.device(device))

    @property
    def first(self) -> bool:
        """Whether this process writes the files."""
        return self.rank == 0

    def average_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Make every gradient the mean over the processes; one that is missing here counts as zero."""
        if self.count == 1:
            return
        parameters = [p for p in parameters if not hasattr(p, "full_tensor")]  # FSDP has done it for parts
        reached = torch.tensor([float(p.grad is not None) for p in parameters], device=self.device)
        self.sum(reached)
        parameters = [p for p, count in zip(parameters, reached.tolist(), strict=True) if count]
        if not parameters:
            return
        grads = [p.grad if p.grad is not None else torch.zeros_like(p) for p in parameters]
        flat = torch.cat([grad.flatten() for grad in grads])
        self.sum(flat)
        flat /= self.count
        for p, part in zip(parameters, flat.split([p.numel() for p in parameters]), strict=True):
            p.grad = part.view_as(p).clone()

    def sum(self, tensor: Tensor) -> Tensor:
        """Sum over the processes, in place."""
        if self.count > 1:
            distributed.all_reduce(tensor)
        return tensor

    def mean(self, numbers: dict[str, float], names: Sequence[str]) -> dict[str, float]:
        """Means of numbers over the processes; one that is missing here counts as zero, one that is missing
        everywhere stays missing.

        Args:
            numbers: By name.
            names: All that any process may have.
        """
        if self.count == 1:
            return numbers
        told = [[float(name in numbers), numbers.get(name, 0.0)] for name in names]
        both = self.sum(torch.tensor(told, dtype=torch.float64, device=self.device)).tolist()
        return {name: value / self.count for name, (seen, value) in zip(names, both, strict=True) if seen}

    def any(self, flag: bool) -> bool:
        """Whether it is so in any process; all get the same answer."""
        if self.count == 1:
            return flag
        return bool(self.sum(torch.tensor(float(flag), device=self.device)) > 0)

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


def _leave() -> None:
    if distributed.is_initialized():
        distributed.destroy_process_group()
