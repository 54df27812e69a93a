"""A cluster as a queue: units on slots, slots that fail, a store that all share. Simulated, not estimated."""

import heapq
from dataclasses import dataclass

import numpy as np

SAMPLE, PER_SLOT = 100_000, 50


@dataclass(frozen=True)
class Cluster:
    """What there is to work with.

    Attributes:
        nodes: Machines.
        slots: Units at once per machine.
        start_s: Until a machine takes its first unit; again after each failure.
        node_failures_per_hour: Of one machine; what it was doing is lost and done again.
        store_mb_s: Bandwidth of the store that all machines read from and write to together.
        price_per_node_hour: In any currency.
    """

    nodes: int
    slots: int
    start_s: float = 60.0
    node_failures_per_hour: float = 0.0
    store_mb_s: float = 1000.0
    price_per_node_hour: float = 0.0

    def __post_init__(self) -> None:
        for name in ("nodes", "slots", "store_mb_s"):
            if not getattr(self, name) > 0:
                raise ValueError(f"Cluster.{name} must be above 0, got {getattr(self, name)!r}")
        for name in ("start_s", "node_failures_per_hour", "price_per_node_hour"):
            if getattr(self, name) < 0:
                raise ValueError(f"Cluster.{name} must not be negative, got {getattr(self, name)!r}")


@dataclass(frozen=True)
class Workload:
    """What is to be done.

    Attributes:
        units: How many.
        seconds: Measured seconds of units, of which each unit draws one.
        megabytes: Read and written by a unit.
        failures: Share of units that fail by themselves and are not tried again.
        crashes: Share of attempts whose process dies and that are made again.
    """

    units: int
    seconds: tuple[float, ...]
    megabytes: float = 0.0
    failures: float = 0.0
    crashes: float = 0.0

    def __post_init__(self) -> None:
        if self.units < 1 or not self.seconds or min(self.seconds) <= 0:
            raise ValueError("a workload needs units, and seconds above 0")
        if not (0 <= self.failures < 1 and 0 <= self.crashes < 1) or self.megabytes < 0:
            raise ValueError("failures and crashes must be shares below 1, megabytes not negative")


@dataclass(frozen=True)
class Course:
    """How a run went.

    Attributes:
        hours: Wall time.
        node_hours: Paid for.
        price: Of these.
        done, failed, repeated: Units finished, failed for good, and attempts that were lost.
        busy: Share of the slots' time spent on attempts that counted.
        store_busy: Share of the store's bandwidth used.
        bottleneck: "machines", "store" or "last units".
    """

    hours: float
    node_hours: float
    price: float
    done: int
    failed: int
    repeated: int
    busy: float
    store_busy: float
    bottleneck: str


def simulate(cluster: Cluster, work: Workload, seed: int = 0) -> Course:
    """Let a run happen once: slots take the next unit when they are free.

    The store is a queue of its own: a unit's bytes go through it one unit after another, so that machines
    wait where there are more of them than it can serve. Of very many units a sample is simulated, at least
    fifty for each slot, and times are multiplied; rates of failure stay what they are, so that as large a
    share is lost.

    Args:
        cluster: Machines.
        work: Units.
        seed: Of every draw.
    """
    rng = np.random.default_rng(seed)
    drawn = min(work.units, max(SAMPLE, PER_SLOT * cluster.nodes * cluster.slots))
    scale = work.units / drawn
    units = rng.choice(np.asarray(work.seconds), drawn)
    slots = [(cluster.start_s, n // cluster.slots) for n in range(cluster.nodes * cluster.slots)]
    heapq.heapify(slots)
    alive_until = [cluster.start_s + _lifetime(cluster, rng) for _ in range(cluster.nodes)]
    store_free, store_used, counted, wasted = 0.0, 0.0, 0.0, 0.0
    repeated = failed = 0
    end = cluster.start_s
    carry = work.megabytes / cluster.store_mb_s
    waiting = list(units[::-1])
    while waiting:
        seconds = waiting.pop()
        begin, node = heapq.heappop(slots)
        if begin >= alive_until[node]:
            begin = alive_until[node] + cluster.start_s
            alive_until[node] = begin + _lifetime(cluster, rng)
        store_free = max(store_free, begin) + carry
        store_used += carry
        finish = max(begin + seconds, store_free)
        if finish > alive_until[node]:  # the machine dies with the unit in it
            wasted += alive_until[node] - begin
            repeated += 1
            waiting.append(seconds)
            heapq.heappush(slots, (alive_until[node] + cluster.start_s, node))
            continue
        if rng.random() < work.crashes:
            wasted += finish - begin
            repeated += 1
            waiting.append(seconds)
        else:
            failed += rng.random() < work.failures
            counted += seconds
            end = max(end, finish)
        heapq.heappush(slots, (finish, node))
    hours = (cluster.start_s + (end - cluster.start_s) * scale) / 3600
    slot_time = end * cluster.nodes * cluster.slots
    longest = max(work.seconds) / max(end, 1e-9)
    store_busy = store_used / end
    bottleneck = "store" if store_busy > 0.9 else "last units" if longest > 0.3 else "machines"
    return Course(
        hours, hours * cluster.nodes, hours * cluster.nodes * cluster.price_per_node_hour,
        round((drawn - failed) * scale), round(failed * scale), round(repeated * scale), counted / slot_time,
        store_busy, bottleneck,
    )  # fmt: skip


def _lifetime(cluster: Cluster, rng: np.random.Generator) -> float:
    """Seconds until a machine fails."""
    rate = cluster.node_failures_per_hour / 3600
    return float(rng.exponential(1 / rate)) if rate else float("inf")
