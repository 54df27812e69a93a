"""Units on processes of this machine; a process that dies costs one attempt of one unit."""

import multiprocessing
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from typing import Any

from mimictalk.units.devices import ANY, VISIBLE, Devices, kind_of, visible
from mimictalk.units.unit import ATTEMPTS, Outcome, Unit, do_unit, gave_up
from mimictalk.units.waiting import Waiting

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


@dataclass
class _Worker:
    slot: str
    process: Any
    pipe: Connection
    unit: Unit | None = None


class LocalPool:
    """A pool of fresh processes, one thread and one device each.

    Args:
        workers: Processes at once that compute on cores.
        attempts: How often a unit is begun whose process dies.
        cuda: CUDA devices that have a process each.
    """

    def __init__(self, workers: int, attempts: int = ATTEMPTS, cuda: tuple[int, ...] = ()) -> None:
        if attempts < 1:
            raise ValueError(f"attempts must be at least 1, got {attempts}")
        self.slots, self.attempts = Devices(workers, cuda).slots, attempts

    def kinds(self) -> set[str]:
        """What it has slots of: "cpu", "cuda"."""
        return {kind_of(slot) for slot in self.slots}

    def run(self, units: list[Unit]) -> Iterator[Outcome]:
        """Every unit's outcome, in the order in which they end.

        Raises:
            ValueError: If a unit asks for a device that no slot has.
        """
        nowhere = {unit.device for unit in units} - {*self.kinds(), ANY}
        if nowhere:
            raise ValueError(f"no slot for {', '.join(nowhere)}: there are {', '.join(self.slots)}")
        waiting = Waiting(units)
        begun: Counter[str] = Counter()
        # A process is started with its first unit: a slot that gets none costs nothing.
        pool: list[_Worker | None] = [None] * len(self.slots)
        ended: list[Outcome] = []
        try:
            while True:
                for number, slot in enumerate(self.slots):
                    worker = pool[number]
                    if worker is not None and worker.unit is not None:
                        continue
                    unit = waiting.take(kind_of(slot))
                    if unit is not None:
                        pool[number] = worker = worker or _start(slot)
                        begun[unit.name] += 1
                        _give(worker, unit)
                yield from ended  # while everyone has work again: to write them down takes its time
                ended = []
                busy = {worker.pipe: number for number, worker in enumerate(pool) if worker and worker.unit}
                if not busy:
                    return
                for ready in wait(list(busy)):
                    number = busy[ready]  # type: ignore[index]
                    worker = pool[number]
                    assert worker is not None and worker.unit is not None
                    unit, worker.unit = worker.unit, None
                    try:
                        ended.append(replace(worker.pipe.recv(), attempts=begun[unit.name]))
                    except (EOFError, OSError):
                        _end(worker)
                        pool[number] = None
                        if begun[unit.name] < self.attempts:
                            waiting.put(unit)
                        else:
                            ended.append(gave_up(unit, begun[unit.name], worker.slot))
        finally:
            for worker in pool:
                if worker is not None:
                    _end(worker)


def _start(slot: str) -> _Worker:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    # Read when a library is loaded, so by the child alone.
    wanted = {**dict.fromkeys(THREADS, "1"), VISIBLE: visible(slot)}
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        process = context.Process(target=_serve, args=(theirs, slot), daemon=True)
        process.start()
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.__setitem__(name, value)
    theirs.close()
    return _Worker(slot, process, ours)


def _give(worker: _Worker, unit: Unit) -> None:
    worker.unit = unit
    try:
        worker.pipe.send(unit)
    except OSError:
        return  # it is dead; the next look at its pipe says so


def _end(worker: _Worker) -> None:
    worker.pipe.close()
    worker.process.terminate()
    worker.process.join(2)
    if worker.process.is_alive():
        worker.process.kill()
        worker.process.join()


def _serve(pipe: Connection, slot: str) -> None:
    """The life of a worker process: a unit in, an outcome out, until the pipe closes."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's business
    while True:
        try:
            unit: Unit = pipe.recv()
        except (EOFError, OSError):
            return
        try:
            pipe.send(do_unit(unit, slot))
        except OSError:
            return
