"""The scale bench sees what was begun twice without cause, what differs and what grows; and its fire is real."""

import json
import os
import sys
from pathlib import Path

import av
import pytest

from bench.figures import figure
from bench.scale import merged
from bench.scale_fire import Killer, TwoNodes, Witnessed, repeats
from bench.scale_pieces import cut, differ, frames, growth_mb
from mimictalk.units.local_pool import LocalPool
from mimictalk.units.unit import Runner, Unit
from numbered_clips import number_in, numbered_clip


def test_a_second_beginning_needs_a_killed_first() -> None:
    begun = {"a": [1], "b": [2, 3], "c": [4, 5, 6]}
    assert repeats(begun, {2, 4, 5}) == (3, 0)
    assert repeats(begun, {2, 4, 6}) == (3, 1), "the first of c's second process was not killed"
    assert repeats({}, set()) == (0, 0)


def test_missing_foreign_and_changed_files_differ() -> None:
    assert differ({"a": "1", "b": "2"}, {"a": "1", "b": "2"}) == 0
    assert differ({"a": "1", "b": "2", "c": "3"}, {"a": "1", "b": "x", "d": "3"}) == 3


def test_growth_is_of_one_process_after_it_has_settled() -> None:
    mb = 2**20
    steady = [(1, (n if n < 20 else 20) * mb) for n in range(30)]
    assert growth_mb(steady) == 0
    assert growth_mb([(2, n * mb) for n in range(30)]) == 9
    assert growth_mb([*steady, *((3, 50 * mb + n * mb) for n in range(22))]) == 1
    assert growth_mb(steady[:5]) == 0


def test_a_part_takes_the_place_of_its_own_figures_only(tmp_path: Path) -> None:
    kept = tmp_path / "scale.json"
    assert merged(kept, [figure("ray/a", 1, "")]) == [figure("ray/a", 1, "")]
    old = [figure("ray/a", 1, ""), figure("ray/gone", 1, ""), figure("batch/a", 2, "")]
    kept.write_text(json.dumps({"figures": old}))
    assert merged(kept, [figure("ray/a", 3, "")]) == [figure("batch/a", 2, ""), figure("ray/a", 3, "")]


def test_pieces_show_other_frames_and_a_copy_the_same(tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    numbered_clip(clip, [n / 25 for n in range(50)])
    pieces = sorted(cut([clip], 3, 0.5, tmp_path / "pieces").iterdir())
    # Between key frames too each begins at a place of its own: of alike ones only one would be done.
    assert [first_number(piece) for piece in pieces] == [0, 10, 19]  # 0.73 * 0.5 s apart, at 25 a second
    one, two = pieces[:2]
    (copy := tmp_path / "copy.mp4").write_bytes(one.read_bytes())
    assert frames(one) == frames(copy)
    assert frames(one) != frames(clip)
    assert two.stat().st_size > 0


def first_number(video: Path) -> int:
    with av.open(str(video)) as container:
        return number_in(next(container.decode(video=0)).to_ndarray(format="rgb24"))


def burn(folder: Path, count: int, runner: Runner, kills: int, nodes: TwoNodes | None = None) -> Killer:
    """Units that sleep, under fire: all are done, none is begun again but after a kill."""
    work = folder / "work"
    work.mkdir()
    task = {"folder": str(work), "seconds": 0.5}
    units = [Unit(f"unit_{n}", "unit_work:square", {**task, "number": n}) for n in range(count)]
    witness = Witnessed(runner, folder / "notes")
    with Killer(witness, kills, 0.4 * kills, 1, nodes) as killer:
        outcomes = list(witness.run(units))
    assert {o.name: o.facts.get("square") for o in outcomes} == {f"unit_{n}": n * n for n in range(count)}
    assert killer.moments == kills
    begun = witness.begun()
    again, unprovoked = repeats(begun, killer.victims)
    assert unprovoked == 0
    assert all(len(begun[o.name]) <= o.attempts for o in outcomes), "a worker began what nobody had asked for"
    assert 1 <= again <= sum(o.attempts - 1 for o in outcomes)
    return killer


def test_local_workers_are_killed_and_nothing_is_lost(tmp_path: Path) -> None:
    burn(tmp_path, 4, LocalPool(2, attempts=9), kills=2)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # Ray's own, of files it leaves open
def test_workers_and_a_node_of_a_cluster_are_killed_and_nothing_is_lost(tmp_path: Path, monkeypatch) -> None:
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'mimictalk[ray]'")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(place for place in sys.path if place))
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    nodes = TwoNodes()
    with nodes.open() as runner:
        runner.attempts = 9
        assert burn(tmp_path, 24, runner, 4, nodes).nodes_killed == 1
