"""Units on processes of this machine; a process that dies costs one attempt of one unit."""

import multiprocessing
import os
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from typing import Any

from mimictalk.units.unit import ATTEMPTS, Outcome, Unit, do_unit, gave_up

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


@dataclass
class _Worker:
    process: Any
    pipe: Connection
    unit: Unit | None = None


class LocalPool:
    """A pool of fresh processes, one thread each.

    Args:
        workers: Processes at once.
        attempts: How often a unit is begun whose process dies.
    """

    def __init__(self, workers: int, attempts: int = ATTEMPTS) -> None:
        if workers < 1 or attempts < 1:
            raise ValueError(f"workers and attempts must be at least 1, got {workers} and {attempts}")
        self.workers, self.attempts = workers, attempts

    def run(self, units: list[Unit]) -> Iterator[Outcome]:
        """Every unit's outcome, in the order in which they end."""
        waiting = deque(units)
        begun: dict[str, int] = {}
        pool = [_start() for _ in range(min(self.workers, len(units)))]
        try:
            for worker in pool:
                _give(worker, waiting, begun)
            while any(worker.unit for worker in pool):
                busy = {worker.pipe: worker for worker in pool if worker.unit}
                for ready in wait(list(busy)):
                    worker = busy[ready]  # type: ignore[index]
                    unit = worker.unit
                    assert unit is not None
                    try:
                        outcome: Outcome | None = worker.pipe.recv()
                    except (EOFError, OSError):
                        outcome = None
                    if outcome is not None:
                        yield replace(outcome, attempts=begun[unit.name])
                    else:
                        _end(worker)
                        if begun[unit.name] < self.attempts:
                            waiting.append(unit)
                        else:
                            yield gave_up(unit, begun[unit.name])
                        pool[pool.index(worker)] = worker = _start()
                    _give(worker, waiting, begun)
                # A unit that came back finds work for whoever has none.
                for worker in pool:
                    if worker.unit is None:
                        _give(worker, waiting, begun)
        finally:
            for worker in pool:
                _end(worker)


def _start() -> _Worker:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, "1"))  # read when a library is loaded, so by the child alone
    try:
        process = context.Process(target=_serve, args=(theirs,), daemon=True)
        process.start()
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.__setitem__(name, value)
    theirs.close()
    return _Worker(process, ours)


def _give(worker: _Worker, waiting: deque[Unit], begun: dict[str, int]) -> None:
    worker.unit = waiting.popleft() if waiting else None
    if worker.unit is not None:
        begun[worker.unit.name] = begun.get(worker.unit.name, 0) + 1
        try:
            worker.pipe.send(worker.unit)
        except OSError:
            return  # it is dead; the next look at its pipe says so


def _end(worker: _Worker) -> None:
    worker.pipe.close()
    worker.process.terminate()
    worker.process.join(2)
    if worker.process.is_alive():
        worker.process.kill()
        worker.process.join()


def _serve(pipe: Connection) -> None:
    """The life of a worker process: a unit in, an outcome out, until the pipe closes."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's business
    while True:
        try:
            unit: Unit = pipe.recv()
        except (EOFError, OSError):
            return
        try:
            pipe.send(do_unit(unit))
        except OSError:
            return
