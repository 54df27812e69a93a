"""Results on stdout, everything else on stderr; progress with the time left."""

import io
import json

from mimictalk.console import Console, _Lines
from mimictalk.errors import InputError


def console(**options) -> Console:
    return Console(out=io.StringIO(), err=io.StringIO(), **options)


def texts(made: Console) -> tuple[str, str]:
    assert isinstance(made.out, io.StringIO)
    assert isinstance(made.err, io.StringIO)
    return made.out.getvalue(), made.err.getvalue()


def talk(made: Console) -> None:
    made.note("looking")
    made.warn("it is dark")
    made.warn("it is dark")
    with made.progress() as progress:
        progress("train", 5, 10, {"loss": 0.123456})
        progress("train", 10, 10, {})
    made.result("out.mp4", {"video": "out.mp4"})


def test_text(capsys):
    made = console()
    talk(made)
    out, err = texts(made)
    assert out == "out.mp4\n"
    assert err.splitlines()[:2] == ["looking", "warning: it is dark"]
    assert err.splitlines()[2:] == ["train: 5/10 (loss 0.1235)", "train: 10/10"]
    assert capsys.readouterr() == ("", "")


def test_json_is_one_object_with_the_warnings():
    made = console(json=True)
    talk(made)
    assert json.loads(texts(made)[0]) == {"ok": True, "video": "out.mp4", "warnings": ["it is dark"]}
    assert texts(made)[0].count("\n") == 1


def test_quiet_keeps_warnings():
    made = console(quiet=True)
    talk(made)
    assert texts(made) == ("out.mp4\n", "warning: it is dark\n")


def test_an_error_takes_three_lines_at_most():
    made = console()
    made.error(InputError("a\nb\nc\nd", "cause", "cure"))
    assert texts(made) == ("", "a\nb\nc\n")


def test_an_error_in_json():
    made = console(json=True)
    made.error(InputError("a.mp4", "empty", "Copy it."))
    out, err = texts(made)
    assert json.loads(out) == {
        "ok": False,
        "exit_code": 2,
        "error": {"subject": "a.mp4", "cause": "empty", "cure": "Copy it.", "code": ""},
        "warnings": [],
    }
    assert err == "a.mp4: empty\nCopy it.\n"


def test_lines_tell_the_time_left(monkeypatch):
    clock = iter([0.0, 5.0, 20.0, 21.0, 40.0])
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    stream = io.StringIO()
    lines = _Lines(stream)
    for done in (0, 10, 40, 42, 80):
        lines("train", done, 80, {})
    # 40 of 80 in 20 s leave 20 s; the calls 5 s after the start and 1 s after a line are left out.
    assert stream.getvalue().splitlines() == ["train: 0/80", "train: 40/80, 20 s left", "train: 80/80"]


def test_a_new_stage_is_told_at_once():
    stream = io.StringIO()
    lines = _Lines(stream)
    lines("track", 1, 100, {})
    lines("train", 1, 100, {})
    assert [line.split(":")[0] for line in stream.getvalue().splitlines()] == ["track", "train"]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_bars():
    made = Console(out=io.StringIO(), err=Terminal())
    with made.progress() as progress:
        progress("train", 3, 10, {"loss": 0.5})
    assert isinstance(made.err, Terminal)
    assert "3/10" in made.err.getvalue()
