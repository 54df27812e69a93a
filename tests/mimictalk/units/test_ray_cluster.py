"""The same units on Ray. Needs the extra mimictalk[ray]; a cluster takes some ten seconds to start.

pip install 'mimictalk[ray]' && pytest -m slow tests/mimictalk/units/test_ray_cluster.py
"""

import os
import sys
from pathlib import Path

import pytest

from mimictalk.errors import InputError
from mimictalk.units.unit import Unit

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def cluster():
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'mimictalk[ray]'")
    from mimictalk.units.ray_cluster import RayCluster

    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(sys.path)  # its workers must find the tests' work
    os.environ["RAY_AUTH_MODE"] = "disabled"
    opened = RayCluster("local")
    yield opened
    opened.close()
    os.environ.pop("PYTHONPATH")
    if before is not None:
        os.environ["PYTHONPATH"] = before


@pytest.mark.filterwarnings("ignore")  # Ray's own, of files it leaves open
def test_units_are_done_once_and_a_killed_worker_costs_an_attempt(cluster, tmp_path: Path) -> None:
    units = [Unit(f"unit {n}", "unit_work:square", {"number": n, "folder": str(tmp_path)}) for n in range(6)]
    units[2].task["dies"] = 1
    outcomes = {o.name: o for o in cluster.run(units)}
    assert {name: o.facts["square"] for name, o in outcomes.items()} == {f"unit {n}": n * n for n in range(6)}
    assert {name: o.attempts for name, o in outcomes.items()} == {
        f"unit {n}": 2 if n == 2 else 1 for n in range(6)
    }
    sizes = {path.name: path.stat().st_size for path in tmp_path.glob("begun-*")}
    assert sizes == {f"begun-{n}": 2 if n == 2 else 1 for n in range(6)}


@pytest.mark.filterwarnings("ignore")
def test_a_unit_whose_workers_always_die_is_given_up(cluster, tmp_path: Path) -> None:
    unit = Unit("unit 0", "unit_work:square", {"number": 0, "folder": str(tmp_path), "dies": 99})
    (outcome,) = cluster.run([unit])
    assert not outcome.done
    assert "died 3 times" in outcome.error["cause"]
    assert outcome.attempts == 3
    assert (tmp_path / "begun-0").stat().st_size == 3


@pytest.mark.filterwarnings("ignore")
def test_devices_are_shared_out_and_units_on_cores_go_round(monkeypatch) -> None:
    """A node of two cores says that it has two GPUs: Ray shares out what nodes say, there or not."""
    ray = pytest.importorskip("ray", reason="Ray is not installed: pip install 'mimictalk[ray]'")
    from ray.cluster_utils import Cluster

    from mimictalk.units.ray_cluster import RayCluster

    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(place for place in sys.path if place))
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    if ray.is_initialized():
        ray.shutdown()
    node = Cluster(
        initialize_head=True,
        head_node_args={
            "num_cpus": 2,
            "num_gpus": 2,
            "object_store_memory": 2**27,
            "include_dashboard": False,
        },
    )
    asked = ("cpu",) * 6 + ("cuda",) * 6 + ("any",) * 2
    units = [
        Unit(f"{device} {n}", "unit_work:stay", {"seconds": 1.0}, device) for n, device in enumerate(asked)
    ]
    opened = RayCluster(node.address)
    try:
        assert opened.kinds() == {"cpu", "cuda"}
        outcomes = list(opened.run(units))
    finally:
        opened.close()
        node.shutdown()
    assert [o.error for o in outcomes if not o.done] == []
    assert {o.name for o in outcomes} == {unit.name for unit in units}
    on = {slot: [o for o in outcomes if o.device == slot] for slot in ("cuda:0", "cuda:1", "cpu")}
    assert sum(map(len, on.values())) == len(units)
    assert all(kind in ("any", o.facts["device"]) for o in outcomes for kind in [o.name.split()[0]])
    for number in (0, 1):
        there = on[f"cuda:{number}"]
        assert {o.facts["shown"] for o in there} == {str(number)}
        busy = sorted(o.facts["busy"] for o in there)
        assert len(busy) >= 2
        assert all(one[1] <= other[0] for one, other in zip(busy, busy[1:], strict=False))
    # Torch decides once a process whether it sees a GPU, so none may serve cores and a GPU, or two GPUs.
    used = [{o.facts["process"] for o in there} for there in on.values()]
    assert not (used[0] & used[1] or used[0] & used[2] or used[1] & used[2])
    starts = sorted(o.facts["busy"] for o in on["cpu"])
    assert any(later[0] < earlier[1] for earlier, later in zip(starts, starts[1:], strict=False))
    assert starts[0][1] < max(o.facts["busy"][0] for o in on["cuda:0"] + on["cuda:1"])


def test_a_cluster_that_is_not_there_is_said_in_words() -> None:
    pytest.importorskip("ray")
    from mimictalk.units.ray_cluster import RayCluster

    with pytest.raises(InputError, match="nobody answers there"):
        RayCluster("127.0.0.1:1")
