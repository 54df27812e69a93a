"""Which place does the work."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from mimictalk.units.unit import Runner


@contextmanager
def open_runner(workers: int | None = None, ray: str | None = None) -> Iterator[Runner]:
    """Local processes, or a Ray cluster.

    Args:
        workers: Local processes; None for one per core.
        ray: "local", "auto" or an address; None for local processes.

    Raises:
        InputError: If Ray is asked for and not there, or both are asked for.
    """
    if ray is None:
        from mimictalk.units.local_pool import LocalPool

        yield LocalPool(workers or _cores())
        return
    from mimictalk.errors import InputError
    from mimictalk.units.ray_cluster import RayCluster

    if workers is not None:
        raise InputError(
            "--workers", "a Ray cluster has its own number of them", "Leave it out, or leave --ray out."
        )
    cluster = RayCluster(ray)
    try:
        yield cluster
    finally:
        cluster.close()


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
