"""The bad inputs that cost little, run by the real program; and that the runner sees what it is to see."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

import hostile_inputs
from hostile import running
from hostile.case import GROUPS, Case

CORPUS = hostile_inputs.corpus()
MOST_QUICK = 60


def some_quick() -> list[Case]:
    """Of the quick cases as many as the tests have time for, of all groups, the same every time."""
    quick = [case for case in CORPUS if case.quick]
    step = len(quick) / MOST_QUICK
    return [quick[int(k * step)] for k in range(MOST_QUICK)]


def test_the_corpus_is_as_large_as_promised():
    counted = Counter(case.group for case in CORPUS)
    assert all(counted[group] >= least for group, least in GROUPS.items())
    assert len({case.key for case in CORPUS}) == len(CORPUS) >= 400
    assert {case.group for case in some_quick()} >= {"video", "audio", "names", "artefacts"}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory) -> dict[str, dict]:
    # A fresh interpreter: processes are forked off one that has nothing but the libraries loaded.
    state = tmp_path_factory.mktemp("hostile")
    names = state / "names.json"
    names.write_text(json.dumps([case.key for case in some_quick()]))
    code = (
        "import json, sys; from pathlib import Path; import hostile_inputs as h; from hostile import running\n"
        "state = Path(sys.argv[1]); wanted = set(json.loads((state / 'names.json').read_text()))\n"
        "running.load()\n"
        "for one in h.run([c for c in h.corpus() if c.key in wanted], state, 2): print(json.dumps(one), flush=True)"
    )
    command = [sys.executable, "-c", code, str(state)]
    tools = Path(hostile_inputs.__file__).parent
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=True,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(map(str, (tools, tools.parent / "tests" / "support"))),
        },
    )
    return {one["case"]: one for one in map(json.loads, done.stdout.splitlines())}


@pytest.mark.parametrize("key", [case.key for case in some_quick()])
def test_each_is_met_as_it_should_be(outcomes, key):
    assert outcomes[key]["wrong"] == [], outcomes[key]


REFUSAL = "a.mp4: it is empty\nCopy it again. [MT-FACE-017]\n"


@pytest.fixture
def folder(tmp_path) -> Path:
    for name in ("work", "temporary"):
        (tmp_path / name).mkdir()
    (tmp_path / "work" / "a.mp4").write_bytes(b"")
    (tmp_path / "before.json").write_text('["a.mp4"]')
    return tmp_path


def judged(folder: Path, code: int = 2, text: str = REFUSAL, memory: int = 10**8) -> list[str]:
    case = Case("video", "a.mp4", lambda path: None, ("check", "{}"), word="empty")
    return running.faults(case, code, text, folder, memory)


def test_what_is_right_is_found_right(folder):
    assert judged(folder) == []
    assert judged(folder, text=f"warning: odd\n{REFUSAL}") == []


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        ({"code": 0, "text": ""}, "exit code 0"),
        ({"code": -11}, "exit code -11"),
        ({"text": "Traceback (most recent call last)\nempty\n"}, "traceback"),
        ({"text": "a.mp4: it is empty\n"}, "not cause and cure"),
        ({"text": REFUSAL * 2}, "not cause and cure"),
        ({"text": "a.mp4: it is empty\nCopy it.\n"}, "no code"),
        ({"text": "a.mp4: it is bad\nCopy it. [MT-FACE-017]\n"}, "nothing of 'empty'"),
        ({"memory": 2 * 10**9}, "2000 MB"),
    ],
)
def test_every_broken_rule_is_seen(folder, broken, words):
    assert any(words in fault for fault in judged(folder, **broken))


@pytest.mark.parametrize("name", ["work/out.mp4", "work/.mimictalk-1-out.mp4", "temporary/x/y"])
def test_what_is_left_behind_is_seen(folder, name):
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text("")
    assert any("left behind" in fault for fault in judged(folder))


def test_something_on_stdout_is_seen(folder):
    (folder / "out").write_text("done")
    assert any("stdout" in fault for fault in judged(folder))
