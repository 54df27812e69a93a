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


def test_a_cluster_that_is_not_there_is_said_in_words() -> None:
    pytest.importorskip("ray")
    from mimictalk.units.ray_cluster import RayCluster

    with pytest.raises(InputError, match="nobody answers there"):
        RayCluster("127.0.0.1:1")
