"""Units on a Ray cluster: the same work, scheduled by Ray; attempts are counted as in `LocalPool`."""

import socket
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from mimictalk.errors import InputError
from mimictalk.units.local_pool import THREADS
from mimictalk.units.unit import ATTEMPTS, Outcome, Unit, do_unit, gave_up

LOCAL = "local"
START = "Start one: ray start --head"
# What Ray raises where worker, machine, or the preparation of either ended under a unit.
LOST = ("WorkerCrashedError", "NodeDiedError", "OutOfMemoryError", "ObjectLostError", "RuntimeEnvSetupError")
AHEAD = 4  # units given to Ray per core, so that the queue stays short whatever the number of units


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

    def run(self, units: list[Unit]) -> Iterator[Outcome]:
        """Every unit's outcome, in the order in which they end."""
        ray = self.ray
        environment = {"env_vars": dict.fromkeys(THREADS, "1")}
        # Ray's own retries would be made at once and counted nowhere; here a unit goes behind the others.
        remote = ray.remote(num_cpus=1, max_retries=0, runtime_env=environment)(do_unit)
        lost = tuple(getattr(ray.exceptions, name) for name in LOST)
        waiting = deque(units)
        running: dict[Any, Unit] = {}
        begun: Counter[str] = Counter()
        try:
            while waiting or running:
                room = max(1, int(ray.cluster_resources().get("CPU", 1))) * AHEAD  # a cluster may grow
                while waiting and len(running) < room:
                    unit = waiting.popleft()
                    begun[unit.name] += 1
                    running[remote.remote(unit)] = unit
                (ready,), _ = ray.wait(list(running), num_returns=1)
                unit = running.pop(ready)
                try:
                    outcome: Outcome = ray.get(ready)
                except lost:
                    if begun[unit.name] < self.attempts:
                        waiting.append(unit)
                    else:
                        yield gave_up(unit, begun[unit.name])
                    continue
                yield replace(outcome, attempts=begun[unit.name])
        finally:
            for reference in running:
                ray.cancel(reference, force=True)

    def close(self) -> None:
        """Leave the cluster; one of our own ends."""
        self.ray.shutdown()


def _knock(address: str) -> None:
    """Refuse an address where nobody listens: Ray itself would try for minutes, in many words."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if not colon:
        return
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except (OSError, ValueError) as error:
        raise InputError(f"--ray {address}", f"nobody answers there ({error})", START) from None
