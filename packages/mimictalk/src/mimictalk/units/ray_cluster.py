"""Units on a Ray cluster: the same work, scheduled by Ray; attempts are counted as in `LocalPool`."""

import socket
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from mimictalk.errors import InputError
from mimictalk.units.devices import CPU, CUDA
from mimictalk.units.local_pool import THREADS
from mimictalk.units.unit import ATTEMPTS, Outcome, Unit, do_unit, gave_up
from mimictalk.units.waiting import Waiting

LOCAL = "local"
START = "Start one: ray start --head"
# What Ray raises where worker, machine, or the preparation of either ended under a unit.
LOST = ("WorkerCrashedError", "NodeDiedError", "OutOfMemoryError", "ObjectLostError", "RuntimeEnvSetupError")
AHEAD = 4  # units given to Ray per slot, so that the queue stays short whatever the number of units
RESOURCES = {CPU: "CPU", CUDA: "GPU"}  # Ray's names
# A CUDA process has a device to itself, the only one that Ray shows it; no core is counted for it.
DEMANDS = {CPU: {"num_cpus": 1}, CUDA: {"num_cpus": 0, "num_gpus": 1}}


class RayCluster:
    """A running cluster, or a fresh one on this machine.

    Ray has no authentication of its own: see docs/scaling.md before a cluster listens on a network.

    Args:
        address: "local" for a cluster of this process's own, "auto" for the one running on this machine, or
            host:port, or ray://host:port.
        attempts: How often a unit is begun whose process or node dies.

    Raises:
        InputError: If Ray is not installed or the cluster does not answer.
    """

    def __init__(self, address: str = LOCAL, attempts: int = ATTEMPTS) -> None:
        try:
            import ray
        except ImportError:
            raise InputError("--ray", "Ray is not installed", "Run: pip install 'mimictalk[ray]'") from None
        self.ray, self.attempts = ray, attempts
        _knock(address)
        options: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
        if address == LOCAL:
            options |= {"include_dashboard": False}
        else:
            options |= {"address": address}
        try:
            ray.init(**options)
        except (ConnectionError, ValueError, RuntimeError, TimeoutError) as error:
            cause = f"no cluster answers ({' '.join(str(error).split())[:120]})"
            raise InputError(f"--ray {address}", cause, START) from None

    def kinds(self) -> set[str]:
        """What its nodes have slots of at present: "cpu", "cuda"."""
        return {kind for kind, slots in self._slots().items() if slots}

    def _slots(self) -> dict[str, int]:
        """How many of each kind, CUDA first; a cluster may grow."""
        there = self.ray.cluster_resources()
        return {kind: int(there.get(RESOURCES[kind], 0)) for kind in (CUDA, CPU)}

    def run(self, units: list[Unit]) -> Iterator[Outcome]:
        """Every unit's outcome, in the order in which they end."""
        ray = self.ray
        environment = {"env_vars": dict.fromkeys(THREADS, "1")}
        # Ray's own retries would be made at once and counted nowhere; here a unit goes behind the others.
        remote = {
            kind: ray.remote(**demand, max_retries=0, runtime_env=environment)(do_unit_on_node)
            for kind, demand in DEMANDS.items()
        }
        lost = tuple(getattr(ray.exceptions, name) for name in LOST)
        waiting = Waiting(units)
        running: dict[Any, tuple[Unit, str]] = {}
        begun: Counter[str] = Counter()
        try:
            while waiting or running:
                busy = Counter(kind for _, kind in running.values())
                slots = self._slots()
                for kind, count in slots.items():
                    while busy[kind] < max(count, 1) * AHEAD:
                        # Who may run anywhere is not put behind others: the other kind may be free first.
                        free = busy[kind] < count or (kind == CPU and not slots[CUDA])
                        unit = waiting.take(kind, flexible=free)
                        if unit is None:
                            break
                        begun[unit.name] += 1
                        busy[kind] += 1
                        running[remote[kind].remote(unit)] = unit, kind
                (ready,), _ = ray.wait(list(running), num_returns=1)
                unit, kind = running.pop(ready)
                try:
                    outcome: Outcome = ray.get(ready)
                except lost:
                    if begun[unit.name] < self.attempts:
                        waiting.put(unit)
                    else:
                        yield gave_up(unit, begun[unit.name], kind)
                    continue
                yield replace(outcome, attempts=begun[unit.name])
        finally:
            for reference in running:
                ray.cancel(reference, force=True)

    def close(self) -> None:
        """Leave the cluster; one of our own ends."""
        self.ray.shutdown()


def do_unit_on_node(unit: Unit) -> Outcome:
    """`do_unit` in a worker of the cluster, which Ray has shown its device, if any, and no other."""
    import ray

    numbers = ray.get_runtime_context().get_accelerator_ids().get("GPU", [])
    return do_unit(unit, f"{CUDA}:{numbers[0]}" if numbers else CPU)


def _knock(address: str) -> None:
    """Refuse an address where nobody listens: Ray itself would try for minutes, in many words."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if not colon:
        return
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except (OSError, ValueError) as error:
        raise InputError(f"--ray {address}", f"nobody answers there ({error})", START) from None
