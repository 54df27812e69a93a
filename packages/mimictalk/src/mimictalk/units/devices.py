"""Where units may run: processes on cores, and one process on each CUDA device."""

import os
import re
from dataclasses import dataclass

from mimictalk.errors import InputError

CPU, CUDA, ANY = "cpu", "cuda", "any"
DEVICES = (CPU, CUDA, ANY)  # that a unit may ask for
VISIBLE = "CUDA_VISIBLE_DEVICES"  # read by CUDA when it is first used
OPTION, FORM = "--devices", "Give, e.g., cpu:2,cuda:0,cuda:1."


@dataclass(frozen=True)
class Devices:
    """Slots of this machine, one unit at a time in each.

    Attributes:
        cpu: Processes that compute on cores.
        cuda: Numbers of the CUDA devices that have a process, as torch counts them.
    """

    cpu: int
    cuda: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.cpu < 0 or not self.slots or len(set(self.cuda)) < len(self.cuda):
            raise ValueError(f"slots must be one or more, each CUDA device once, got {self}")

    @property
    def slots(self) -> tuple[str, ...]:
        """The device of each slot, CUDA first: who may run anywhere gets the faster one if both are free."""
        return (*(f"{CUDA}:{number}" for number in self.cuda), *(CPU,) * self.cpu)


def parse_devices(text: str) -> Devices:
    """Slots as `cpu:N` (N processes) and `cuda:N` (the device of that number), with commas between.

    Raises:
        InputError: If it reads otherwise, names a device twice, or one that torch does not see.
    """
    cpu: int | None = None
    cuda: list[int] = []
    for part in text.split(","):
        found = re.fullmatch(r"(cpu|cuda):(\d{1,4})", part.strip())
        if found is None:
            raise InputError(OPTION, f"{part.strip()!r} is neither cpu:N nor cuda:N", FORM)
        number = int(found[2])
        if number in cuda if found[1] == CUDA else cpu is not None:
            raise InputError(OPTION, f"{part.strip() if found[1] == CUDA else CPU} is there twice", FORM)
        if found[1] == CUDA:
            cuda.append(number)
        elif number == 0:
            raise InputError(OPTION, "cpu:0 is no slot", "Leave it out for CUDA devices alone.")
        else:
            cpu = number
    seen = cuda_devices() if cuda else 0
    beyond = [number for number in cuda if number >= seen]
    if beyond:
        cause = f"cuda:{beyond[0]} is not there: torch sees {seen} CUDA devices"
        raise InputError(OPTION, cause, "Leave it out; `mimictalk doctor` tells what is there.")
    return Devices(cpu or 0, tuple(cuda))


def all_devices(workers: int | None = None) -> Devices:
    """Processes on cores, one per core unless told otherwise, and every CUDA device that torch sees."""
    return Devices(workers or cores(), tuple(range(cuda_devices())))


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def cuda_devices() -> int:
    """How many CUDA devices torch can use; nothing is put on them."""
    import torch

    return torch.cuda.device_count() if torch.cuda.is_available() else 0


def kind_of(slot: str) -> str:
    """`cuda` of `cuda:1`."""
    return slot.partition(":")[0]


def visible(slot: str) -> str:
    """What CUDA_VISIBLE_DEVICES must be for a process of the slot: its device alone, for whatever it loads.
    Numbers count within what this process itself may see."""
    kind, _, number = slot.partition(":")
    if kind != CUDA:
        return ""
    allowed = [name.strip() for name in os.environ.get(VISIBLE, "").split(",") if name.strip()]
    return allowed[int(number)] if allowed else number
