"""The simulated cluster against cases that can be worked out by hand."""

import json

import pytest

import plan_scale
from scaling.cluster import Cluster, Workload, simulate


def course(nodes: int = 1, slots: int = 1, units: int = 100, seconds: tuple[float, ...] = (10.0,), **more):
    work = {key: more.pop(key) for key in ("megabytes", "failures", "crashes") if key in more}
    return simulate(
        Cluster(nodes, slots, **{"start_s": 0.0, **more}), Workload(units, seconds, **work), seed=1
    )


def test_equal_units_fill_the_slots() -> None:
    for nodes, slots in ((1, 1), (2, 5), (10, 10)):
        got = course(nodes, slots)
        assert got.hours * 3600 == pytest.approx(1000 / (nodes * slots))
        assert got.busy == pytest.approx(1.0)
        assert (got.done, got.failed, got.repeated) == (100, 0, 0)


def test_a_start_comes_before_the_first_unit() -> None:
    assert course(start_s=60.0).hours * 3600 == pytest.approx(1060)


def test_a_slow_store_is_what_a_run_waits_for() -> None:
    got = course(10, 10, units=1000, megabytes=100, store_mb_s=100)  # 1 s of store per unit, 0.1 s of slots
    assert got.hours * 3600 == pytest.approx(1000, rel=0.02)
    assert got.bottleneck == "store"


def test_crashes_cost_their_share() -> None:
    got = course(10, 10, units=20_000, crashes=0.2)
    assert got.repeated / 20_000 == pytest.approx(0.25, rel=0.05)  # 0.2 / (1 - 0.2) more attempts
    assert got.hours * 3600 == pytest.approx(20_000 * 10 * 1.25 / 100, rel=0.02)


def test_failed_machines_repeat_what_they_held() -> None:
    got = course(10, 4, units=20_000, node_failures_per_hour=6, start_s=30)
    # Six failures an hour: every ten minutes four units are lost, half done on average, and 30 s of waiting.
    lost = (4 * 5 + 4 * 30) / (600 * 4)
    assert got.hours * 3600 == pytest.approx(20_000 * 10 / 40 * (1 + lost), rel=0.04)
    assert got.done == 20_000


def test_very_many_units_are_sampled_and_scaled() -> None:
    got = course(
        2, 2, units=1_000_000, seconds=(5.0, 15.0), crashes=0.1, failures=0.05, price_per_node_hour=3
    )
    assert got.hours * 3600 == pytest.approx(1_000_000 * 10 / 4 / 0.9, rel=0.01)
    assert got.failed == pytest.approx(50_000, rel=0.1)
    assert got.done + got.failed == 1_000_000
    assert got.price == pytest.approx(got.hours * 2 * 3)


@pytest.mark.parametrize(
    "bad", [{"nodes": 0}, {"slots": -1}, {"units": 0}, {"seconds": ()}, {"crashes": 1.0}, {"start_s": -1.0}]
)
def test_impossible_plans_are_refused(bad) -> None:
    with pytest.raises(ValueError):
        course(**bad)


def test_times_and_rates_are_read_from_a_ledger(tmp_path, capsys) -> None:
    lines = [
        {"name": "a", "done": False, "seconds": 1.0, "attempts": 1},
        {"name": "a", "done": True, "seconds": 6.0, "attempts": 2},  # the last line of a name counts
        {"name": "b", "done": True, "seconds": 8.0, "attempts": 1},
        {"name": "c", "done": False, "seconds": 0.5, "attempts": 1},
    ]
    ledger = tmp_path / "progress.jsonl"
    ledger.write_text("\n".join(json.dumps(line) for line in lines))
    assert plan_scale.measured(ledger) == ((6.0, 8.0), pytest.approx(1 / 3), pytest.approx(1 / 4))
    plan_scale.main(["--ledger", str(ledger), "--clips", "1000", "--nodes", "1", "4", "--json"])
    plans = json.loads(capsys.readouterr().out)
    assert [plan["nodes"] for plan in plans] == [1, 4]
    assert plans[1]["hours"] < plans[0]["hours"]
