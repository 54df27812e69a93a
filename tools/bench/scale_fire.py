"""Fire: a Ray cluster of two nodes on this machine, and a thread that kills workers and a node of it."""

from __future__ import annotations

import contextlib
import os
import random
import secrets
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psutil

from mimictalk.units.ray_cluster import RayCluster
from mimictalk.units.unit import Outcome, Runner, Unit

STORE_BYTES = 150 * 2**20
WORK = "mimictalk.units.witness:witnessed"


@dataclass
class Witnessed:
    """A runner whose workers write down which unit they begin.

    Attributes:
        runner: That does the work.
        notes: A folder; the file of each unit gets one line, a process's number, each time it is begun.
        peaks: (process, most memory that it ever held in bytes) in the order in which units ended.
    """

    runner: Runner
    notes: Path
    peaks: list[tuple[int, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.notes.mkdir(parents=True, exist_ok=True)

    def run(self, units: list[Unit]) -> Iterator[Outcome]:
        """Outcomes as the runner tells them, without what the witness added."""
        for outcome in self.runner.run([replace(unit, work=WORK, task=self._task(unit)) for unit in units]):
            facts = dict(outcome.facts)
            if outcome.done:
                self.peaks.append((facts.pop("process"), facts.pop("peak_bytes")))
            yield replace(outcome, facts=facts)

    def _task(self, unit: Unit) -> dict[str, Any]:
        return {"work": unit.work, "task": unit.task, "note": str(self.notes / unit.name)}

    def begun(self) -> dict[str, list[int]]:
        """The processes that began each unit, in order."""
        return {note.name: [int(line) for line in note.read_text().split()] for note in self.notes.iterdir()}


class TwoNodes:
    """A Ray cluster of two nodes with a worker each: raylets and object stores of their own."""

    def __init__(self) -> None:
        # Ray looks for a head on this machine's own address, not on the loopback: strangers need a token.
        if "RAY_AUTH_MODE" not in os.environ:
            os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
        from ray.cluster_utils import Cluster

        self.options = {
            "num_cpus": 1,
            "object_store_memory": STORE_BYTES,
            "include_dashboard": False,
        }
        # Hooks for the exit can be set by the main thread alone, but it is the killer's that adds a node.
        self.cluster = Cluster(initialize_head=False, shutdown_at_exit=False)
        self._add()
        self.second = self._add()

    def _add(self) -> Any:
        """A node; Ray gives it 30 s to start, whatever else a machine does, so it may be tried again."""
        for tries_left in (2, 1, 0):
            try:
                return self.cluster.add_node(**self.options)
            except Exception:
                if not tries_left:
                    raise

    def kill_second(self) -> set[int]:
        """SIGKILL to all processes of the second node at once, then another node; returns who was killed."""
        raylet = psutil.Process(self.second.all_processes["raylet"][0].process.pid)
        victims = [raylet, *raylet.children(recursive=True)]
        for process in victims:
            _kill(process)
        self.cluster.remove_node(self.second, allow_graceful=False)
        self.second = self._add()
        return {process.pid for process in victims}

    @contextlib.contextmanager
    def open(self) -> Iterator[RayCluster]:
        """The cluster as `--ray HOST:PORT` opens it; it ends with the block."""
        runner = RayCluster(self.cluster.address)
        try:
            yield runner
        finally:
            runner.close()
            self.cluster.shutdown()


class Killer(threading.Thread):
    """Kills at random moments: a random worker that is at work, and once, in the middle, a whole node.

    Args:
        witness: Of the units; a worker that still starts is spared, as its death would cost nothing.
        kills: Moments.
        seconds: Over which they are spread.
        seed: Of moments and victims.
        nodes: Whose second node is to die; None where there are local processes only.
    """

    def __init__(
        self, witness: Witnessed, kills: int, seconds: float, seed: int, nodes: TwoNodes | None = None
    ) -> None:
        super().__init__(daemon=True)
        self.kills, self.every_s, self.rng = kills, seconds / max(kills, 1), random.Random(seed)
        self.witness, self.nodes, self.over = witness, nodes, threading.Event()
        self.moments, self.nodes_killed, self.victims = 0, 0, set[int]()
        self.failure: Exception | None = None

    def run(self) -> None:
        """Until all are done, or the work is."""
        try:
            while self.moments < self.kills and not self.over.wait(self.rng.uniform(0.2, 1.8) * self.every_s):
                self._strike()
        except Exception as error:  # said by `__exit__`: an exception of a thread is seen by nobody
            self.failure = error

    def _strike(self) -> None:
        if self.nodes and self.moments == self.kills // 2:
            self.victims |= self.nodes.kill_second()
            self.nodes_killed += 1
            self.moments += 1
            return
        while not self.over.is_set():
            begun = {process for processes in self.witness.begun().values() for process in processes}
            workers = [p for p in psutil.Process().children(recursive=True) if p.pid in begun and at_work(p)]
            if workers:
                victim = self.rng.choice(workers)
                self.victims.add(victim.pid)
                _kill(victim)
                self.moments += 1
                return
            time.sleep(0.1)

    def __enter__(self) -> Killer:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.join()
        if self.failure:
            raise self.failure


def at_work(process: psutil.Process) -> bool:
    """A Ray worker is named after its task; a local worker is a spawned process and does nothing else."""
    try:
        words = " ".join(process.cmdline())
    except psutil.Error:
        return False
    return words.startswith("ray::do_unit") or "multiprocessing.spawn import spawn_main" in words


def repeats(begun: dict[str, list[int]], victims: set[int]) -> tuple[int, int]:
    """How often units were begun again, and how often that was after a process that nobody had killed."""
    before = [process for processes in begun.values() for process in processes[:-1]]
    return len(before), sum(process not in victims for process in before)


def _kill(process: psutil.Process) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        process.kill()
