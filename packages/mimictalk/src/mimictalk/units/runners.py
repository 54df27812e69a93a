"""Which place does the work."""

from collections.abc import Iterator
from contextlib import contextmanager

from mimictalk.errors import InputError
from mimictalk.units.devices import Devices, cores
from mimictalk.units.unit import Runner


@contextmanager
def open_runner(devices: Devices | None = None, ray: str | None = None) -> Iterator[Runner]:
    """Local processes, or a Ray cluster.

    Args:
        devices: Slots of this machine; None for one process per core.
        ray: "local", "auto" or an address; None for local processes.

    Raises:
        InputError: If Ray is asked for and not there, or is to have slots of this machine.
    """
    if ray is None:
        from mimictalk.units.local_pool import LocalPool

        wanted = devices or Devices(cores())
        yield LocalPool(wanted.cpu, cuda=wanted.cuda)
        return
    if devices is not None:
        cause = "a Ray cluster has its own number of processes and devices"
        raise InputError("--ray", cause, "Leave --workers and --devices out, or leave --ray out.")
    from mimictalk.units.ray_cluster import RayCluster

    cluster = RayCluster(ray)
    try:
        yield cluster
    finally:
        cluster.close()
