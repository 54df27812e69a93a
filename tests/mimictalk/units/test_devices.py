"""Slots: what is asked for is read or refused in words; each device has one unit at a time, and none idles."""

from collections import defaultdict

import pytest
import torch

from mimictalk.errors import InputError
from mimictalk.units import devices
from mimictalk.units.devices import Devices, all_devices, parse_devices, visible
from mimictalk.units.local_pool import LocalPool
from mimictalk.units.unit import Outcome, Unit
from mimictalk.units.waiting import Waiting


@pytest.fixture
def two_gpus(monkeypatch) -> None:
    """A machine whose torch sees two CUDA devices."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)


@pytest.mark.parametrize(
    ("text", "slots"),
    [
        ("cpu:2,cuda:0,cuda:1", ("cuda:0", "cuda:1", "cpu", "cpu")),
        (" cuda:1 , cpu:1", ("cuda:1", "cpu")),
        ("cuda:0", ("cuda:0",)),
        ("cpu:3", ("cpu", "cpu", "cpu")),
    ],
)
def test_slots_are_read(text, slots, two_gpus) -> None:
    assert parse_devices(text).slots == slots


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "'' is neither cpu:N nor cuda:N"),
        ("cpu", "'cpu' is neither"),
        ("cpu:2,tpu:0", "'tpu:0' is neither"),
        ("cpu:-1", "'cpu:-1' is neither"),
        ("cpu:0,cuda:0", "cpu:0 is no slot"),
        ("cpu:1,cpu:2", "cpu is there twice"),
        ("cuda:0,cuda:0", "cuda:0 is there twice"),
        ("cuda:1,cuda:2", "cuda:2 is not there: torch sees 2 CUDA devices"),
    ],
)
def test_other_slots_are_refused(text, words, two_gpus) -> None:
    with pytest.raises(InputError) as caught:
        parse_devices(text)
    assert words in caught.value.cause


def test_unless_told_otherwise_every_core_and_device_is_used(two_gpus, monkeypatch) -> None:
    monkeypatch.setattr(devices, "cores", lambda: 3)
    assert all_devices() == Devices(3, (0, 1))
    assert all_devices(workers=1) == Devices(1, (0, 1))


@pytest.mark.parametrize("wrong", [(0, ()), (-1, (0,)), (1, (0, 0))])
def test_slots_are_some_and_no_device_is_there_twice(wrong) -> None:
    with pytest.raises(ValueError, match="one or more, each CUDA device once"):
        Devices(*wrong)


def test_a_slot_counts_within_what_its_parent_may_see(monkeypatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert (visible("cuda:1"), visible("cpu")) == ("1", "")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5, GPU-ab12")
    assert (visible("cuda:0"), visible("cuda:1")) == ("5", "GPU-ab12")


def test_who_can_go_nowhere_else_goes_first() -> None:
    waiting = Waiting(Unit(name, "", {}, name.rstrip("12")) for name in ("any1", "cpu1", "any2", "cuda1"))
    taken = [waiting.take("cuda"), waiting.take("cuda"), waiting.take("cpu"), waiting.take("cpu")]
    assert [unit.name for unit in taken if unit] == ["cuda1", "any1", "cpu1", "any2"]
    assert (len(waiting), waiting.take("cpu")) == (0, None)
    waiting.put(Unit("any1", "", {}, "any"))
    assert waiting.take("cuda", flexible=False) is None
    assert len(waiting) == 1


def stays(seconds: float = 0.3, **asked: int) -> list[Unit]:
    """So many units that ask for each device; those for CPUs first."""
    return [
        Unit(f"{device} {n}", "unit_work:stay", {"seconds": seconds}, device)
        for device, count in asked.items()
        for n in range(count)
    ]


def overlaps(outcomes: list[Outcome]) -> int:
    """Of units on one slot: how many began before another had ended."""
    busy = sorted(o.facts["busy"] for o in outcomes)
    return sum(later[0] < earlier[1] for earlier, later in zip(busy, busy[1:], strict=False))


def test_one_unit_at_a_time_on_a_cuda_device_and_cpu_units_go_round(monkeypatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    outcomes = list(LocalPool(2, cuda=(1,)).run(stays(cpu=6, cuda=4, any=2)))
    assert len(outcomes) == 12
    assert all(o.done for o in outcomes)
    assert {o.name: o.facts["device"] for o in outcomes if "any" not in o.name} == {
        **{f"cpu {n}": "cpu" for n in range(6)},
        **{f"cuda {n}": "cuda" for n in range(4)},
    }
    on = defaultdict(list)
    for outcome in outcomes:
        on[outcome.device].append(outcome)
    assert set(on) == {"cpu", "cuda:1"}
    assert {o.facts["shown"] for o in on["cuda:1"]} == {"1"}, "its process sees no other device"
    assert {o.facts["shown"] for o in on["cpu"]} == {""}, "nor does one on a core see any"
    # One process on the device, one unit after the other; two on cores, at the same time.
    assert (len({o.facts["process"] for o in on["cuda:1"]}), overlaps(on["cuda:1"])) == (1, 0)
    processes = {o.facts["process"] for o in on["cpu"]}
    assert (len(processes), overlaps(on["cpu"]) > 0) == (2, True)
    for process in processes:
        assert overlaps([o for o in on["cpu"] if o.facts["process"] == process]) == 0
    # Those on cores did not wait for those on the device, although all were given at once.
    last = max(o.facts["busy"][0] for o in on["cuda:1"])
    assert min(o.facts["busy"][1] for o in on["cpu"]) < last


def test_what_may_run_anywhere_takes_a_free_cuda_device_first() -> None:
    (alone,) = LocalPool(2, cuda=(0,)).run(stays(any=1))
    assert (alone.device, alone.facts["device"]) == ("cuda:0", "cuda")
    both = list(LocalPool(1, cuda=(0,)).run(stays(any=4, seconds=1.0)))
    assert {o.device for o in both} == {"cuda:0", "cpu"}


def test_a_killed_process_of_a_device_is_replaced_by_one_that_has_it(tmp_path) -> None:
    task = {"number": 3, "folder": str(tmp_path), "dies": 1}
    units = [Unit("dies", "unit_work:square", task, "cuda"), *stays(cuda=1)]
    outcomes = {o.name: o for o in LocalPool(1, cuda=(2,)).run(units)}
    assert {name: (o.device, o.attempts) for name, o in outcomes.items()} == {
        "dies": ("cuda:2", 2),
        "cuda 0": ("cuda:2", 1),
    }


def test_a_unit_without_a_slot_is_refused_before_any_is_begun() -> None:
    with pytest.raises(ValueError, match="no slot for cuda: there are cpu"):
        list(LocalPool(1).run(stays(cpu=1, cuda=1)))
