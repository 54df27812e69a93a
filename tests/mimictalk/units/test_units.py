"""Units of work: each is done once, killed processes cost one attempt, and a run goes on where it stopped."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mimictalk.units.ledger import Ledger
from mimictalk.units.local_pool import LocalPool
from mimictalk.units.unit import Outcome, Unit, do_unit, find_work


def squares(folder: Path, count: int, **more: object) -> list[Unit]:
    return [
        Unit(f"unit {n}", "unit_work:square", {"number": n, "folder": str(folder), **more})
        for n in range(count)
    ]


def begun(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_size for path in folder.glob("begun-*")}


def test_every_unit_is_done_once_by_processes_of_their_own(tmp_path) -> None:
    outcomes = {o.name: o for o in LocalPool(2).run(squares(tmp_path, 5))}
    assert {name: o.facts["square"] for name, o in outcomes.items()} == {f"unit {n}": n * n for n in range(5)}
    assert all(o.done and o.attempts == 1 for o in outcomes.values())
    assert set(begun(tmp_path).values()) == {1}
    assert os.getpid() not in {o.facts["process"] for o in outcomes.values()}


def test_a_killed_process_costs_one_attempt_of_one_unit(tmp_path) -> None:
    units = squares(tmp_path, 3)
    units[1].task["dies"] = 2
    outcomes = {o.name: o for o in LocalPool(2, attempts=3).run(units)}
    assert all(o.done for o in outcomes.values())
    assert [outcomes[f"unit {n}"].attempts for n in range(3)] == [1, 3, 1]


def test_a_unit_whose_processes_always_die_is_given_up(tmp_path) -> None:
    units = squares(tmp_path, 2)
    units[0].task["dies"] = 99
    outcomes = {o.name: o for o in LocalPool(1, attempts=2).run(units)}
    assert "died 2 times" in outcomes["unit 0"].error["cause"]
    assert begun(tmp_path)["begun-0"] == 2
    assert outcomes["unit 1"].done


def test_faults_and_bugs_become_words() -> None:
    fault = do_unit(Unit("a", "unit_work:refuse", {"number": 3}))
    assert (fault.done, fault.error["cause"], fault.error["cure"]) == (
        False,
        "cannot be squared",
        "Give another.",
    )
    bug = do_unit(Unit("b", "unit_work:stumble", {}))
    assert "this is a bug: KeyError" in bug.error["cause"]


def test_only_our_own_work_is_run() -> None:
    with pytest.raises(ValueError, match="no work of this package"):
        find_work("os:system")


def test_a_second_run_goes_on_behind_the_ledger(tmp_path) -> None:
    units = squares(tmp_path, 4)
    first = Ledger(tmp_path / "book" / "progress.jsonl")
    list(first.run(units[:2], LocalPool(1)))
    (tmp_path / "1.txt").unlink()
    again = Ledger(first.path)
    outcomes = list(
        again.run(units, LocalPool(1), still_good=lambda o: (tmp_path / f"{o.name.split()[1]}.txt").is_file())
    )
    assert sorted(o.name for o in outcomes) == [u.name for u in units]
    assert begun(tmp_path) == {"begun-0": 1, "begun-1": 2, "begun-2": 1, "begun-3": 1}


def test_a_line_that_was_cut_off_is_ignored_and_not_continued(tmp_path) -> None:
    book = Ledger(tmp_path / "progress.jsonl")
    book.add(Outcome("a", True, {"x": 1}))
    with book.path.open("ab") as file:
        file.write(b'{"name": "b", "do')
    again = Ledger(book.path)
    assert list(again.outcomes) == ["a"]
    again.add(Outcome("c", False, error={"subject": "c", "cause": "x", "cure": ""}))
    assert list(Ledger(book.path).outcomes) == ["a", "c"]


def test_failed_units_are_tried_again_by_the_next_run(tmp_path) -> None:
    book = Ledger(tmp_path / "progress.jsonl")
    book.add(Outcome("unit 0", False, error={"subject": "", "cause": "", "cure": ""}))
    (outcome,) = book.run(squares(tmp_path, 1), LocalPool(1))
    assert outcome.done
    assert Ledger(book.path).outcomes["unit 0"].done


def test_nothing_is_left_running_when_the_run_is_dropped(tmp_path) -> None:
    outcomes = LocalPool(2).run(squares(tmp_path, 8, seconds=0.3))
    next(outcomes)
    outcomes.close()
    seen = begun(tmp_path)
    time.sleep(0.8)
    assert begun(tmp_path) == seen
    assert len(seen) < 8


RUN = """
import json, sys
from pathlib import Path
from mimictalk.units.ledger import Ledger
from mimictalk.units.local_pool import LocalPool
from mimictalk.units.unit import Unit
if __name__ == "__main__":
    folder = Path(sys.argv[1])
    units = [Unit(f"unit {n}", "unit_work:square", {"number": n, "folder": str(folder), "seconds": 0.2})
             for n in range(6)]
    done = list(Ledger(folder / "progress.jsonl").run(units, LocalPool(2)))
    print(json.dumps(sorted(o.facts["square"] for o in done)))
"""


def test_a_killed_run_is_taken_up_and_nothing_finished_is_done_twice(tmp_path) -> None:
    script = tmp_path / "run.py"
    script.write_text(RUN)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, str(script), str(tmp_path)]
    first = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, start_new_session=True)
    book = tmp_path / "progress.jsonl"
    while not (book.is_file() and book.read_bytes().count(b"\n") >= 2):
        assert first.poll() is None, "it ended before it could be killed"
        time.sleep(0.02)
    os.killpg(first.pid, signal.SIGKILL)
    first.communicate()
    finished = set(Ledger(book).outcomes)
    said = subprocess.run(command, env=environment, capture_output=True, timeout=120, check=True).stdout
    assert json.loads(said) == [n * n for n in range(6)]
    times = begun(tmp_path)
    assert all(times[f"begun-{name.split()[1]}"] == 1 for name in finished)
    assert sum(times.values()) <= 6 + 2  # at most what the two workers were at
