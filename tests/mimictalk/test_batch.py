"""Job lists are checked as a whole; jobs are done in the order they need, once, and reported."""

import hashlib
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from mimictalk.batch_job import as_table, do_job, output_hash, run_batch
from mimictalk.batch_list import check_devices, read_jobs
from mimictalk.cli import run
from mimictalk.console import Console
from mimictalk.errors import InputError
from mimictalk.units.unit import Outcome, Unit


class Pretender:
    """A runner that writes each output itself, and fails those whose name holds "bad"."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    def run(self, units: list[Unit]) -> Iterator[Outcome]:
        for unit in units:
            self.asked.append(unit.task["arguments"])
            out = Path(unit.task["out"])
            if "bad" in out.name:
                yield Outcome(unit.name, False, error={"subject": out.name, "cause": "no face", "cure": "x"})
                continue
            made = out / "avatar.json" if unit.task["arguments"][0] == "adapt" else out
            made.parent.mkdir(parents=True, exist_ok=True)
            made.write_bytes(out.name.encode())
            sha = hashlib.sha256(out.name.encode()).hexdigest()
            slot = "cpu" if unit.device == "cpu" else "cuda:0"
            yield Outcome(unit.name, True, {"out": str(out), "sha256": sha}, device=slot)


def the_list(here: Path, *rows: dict[str, object]) -> Path:
    for name in ("a.mp4", "b.mp4", "s.wav"):
        (here / name).write_bytes(name.encode())
    path = here / "jobs.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows))
    return path


ADAPT = {"command": "adapt", "video": "a.mp4", "out": "me", "steps": 5}
RENDER = {"command": "render", "avatar": "me", "audio": "s.wav", "out": "me.mp4"}

CUT_OUT = {**RENDER, "out": "me.webm", "transparent": True}


def quiet() -> Console:
    return Console(quiet=True)


def test_a_render_waits_for_the_avatar_it_needs(here) -> None:
    path = the_list(here, ADAPT, RENDER, {"command": "adapt", "video": "b.mp4", "out": "you"})
    jobs = read_jobs(path)
    assert [job.needs for job in jobs] == [(), (1,), ()]
    runner = Pretender()
    report = run_batch(jobs, here / "report", runner, quiet())
    assert [asked[0] for asked in runner.asked] == ["adapt", "adapt", "render"]
    assert runner.asked[0] == ["adapt", str(here / "a.mp4"), "--out", str(here / "me"), "--steps", "5"]
    assert (report["jobs"], report["failed"]) == (3, 0)
    assert json.loads((here / "report" / "report.json").read_text()) == report
    assert as_table(report).splitlines()[2].split()[:3] == ["2", "render", "done"]


def test_a_second_run_does_only_what_is_missing(here) -> None:
    jobs = read_jobs(the_list(here, ADAPT, RENDER))
    run_batch(jobs, here / "report", Pretender(), quiet())
    (here / "me.mp4").write_bytes(b"damaged")
    again = Pretender()
    run_batch(read_jobs(here / "jobs.jsonl"), here / "report", again, quiet())
    assert [asked[0] for asked in again.asked] == ["render"]


def test_a_changed_sound_is_another_job(here) -> None:
    jobs = the_list(here, ADAPT, RENDER)
    run_batch(read_jobs(jobs), here / "report", Pretender(), quiet())
    (here / "s.wav").write_bytes(b"other words")
    again = Pretender()
    run_batch(read_jobs(jobs), here / "report", again, quiet())
    assert [asked[0] for asked in again.asked] == ["render"]


def test_what_needs_a_failed_job_is_not_begun(here) -> None:
    jobs = read_jobs(the_list(here, {**ADAPT, "out": "bad"}, {**RENDER, "avatar": "bad"}))
    runner = Pretender()
    report = run_batch(jobs, here / "report", runner, quiet())
    assert len(runner.asked) == 1
    assert [entry["state"] for entry in report["entries"]] == ["failed", "failed"]
    assert "line 1, whose output it needs, failed" in report["entries"][1]["error"]["cause"]


def test_an_output_of_somebody_else_is_not_touched(here) -> None:
    jobs = read_jobs(the_list(here, ADAPT))
    (here / "me").mkdir()
    with pytest.raises(InputError, match="not of this batch"):
        run_batch(jobs, here / "report", Pretender(), quiet())


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"command": "fly"}, "command must be one of adapt, render, oneshot"),
        ({**ADAPT, "speed": 3}, "'speed' is unknown for adapt"),
        ({"command": "adapt", "video": "a.mp4"}, "adapt needs 'out'"),
        ({**ADAPT, "video": "none.mp4"}, "none.mp4' is not there"),
        ({**RENDER, "drive": "a.mp4"}, "either 'audio' or 'drive'"),
        ({**ADAPT, "device": "cuda:0"}, "'device' must be one of cpu, cuda, any, got 'cuda:0'"),
        ({**ADAPT, "device": ["cuda"]}, "'device' must be one of cpu, cuda, any, got ['cuda']"),
        ({**ADAPT, "steps": [1]}, "must be a text or a number"),
        ({**ADAPT, "transparent": True}, "'transparent' is unknown for adapt"),
        ({**RENDER, "transparent": "perhaps"}, "'transparent' must be true or false, got 'perhaps'"),
        ({**RENDER, "transparent": True}, ".mp4 is not written with transparency"),
        ({**RENDER, "transparent": True, "out": "me.png"}, "many pictures cannot have one name"),
        ({**CUT_OUT, "background": "blue"}, "'transparent': it leaves nothing behind the person"),
    ],
)
def test_a_bad_line_is_named_and_nothing_is_run(here, row, words) -> None:
    with pytest.raises(InputError) as caught:
        read_jobs(the_list(here, ADAPT, row))
    assert "line 2: " in caught.value.cause
    assert words in caught.value.cause
    assert len(str(caught.value).splitlines()) <= 3


def test_two_jobs_may_not_write_one_output(here) -> None:
    with pytest.raises(InputError, match="line 2: writes 'me', as line 1 does|as line 1 does"):
        read_jobs(the_list(here, ADAPT, {**ADAPT, "video": "b.mp4"}))


def test_many_bad_lines_are_counted(here) -> None:
    rows = [{"command": "fly"}] * 5
    with pytest.raises(InputError, match="3 more lines are at fault"):
        read_jobs(the_list(here, *rows))


def test_a_csv_list_reads_like_json_lines(here) -> None:
    the_list(here)
    (here / "jobs.csv").write_text(
        "command,video,avatar,audio,out,steps\nadapt,a.mp4,,,me,5\nrender,,me,s.wav,me.mp4,\n"
    )
    jobs = read_jobs(here / "jobs.csv")
    assert [(job.line, job.command, job.needs) for job in jobs] == [(2, "adapt", ()), (3, "render", (2,))]
    assert jobs[0].arguments() == ["adapt", str(here / "a.mp4"), "--out", str(here / "me"), "--steps", "5"]


@pytest.mark.parametrize("text", ["", "nonsense", "[1, 2]"])
def test_a_list_that_is_none_is_refused(here, text) -> None:
    (here / "jobs.jsonl").write_text(text)
    with pytest.raises(InputError):
        read_jobs(here / "jobs.jsonl")


def test_transparent_is_on_or_off(here) -> None:
    rows = [
        ADAPT,
        CUT_OUT,
        {**CUT_OUT, "out": "b.mov", "transparent": "true"},
        {**CUT_OUT, "out": "c.mp4", "transparent": False},
        {**CUT_OUT, "out": "d.mp4", "transparent": "False"},
    ]
    jobs = read_jobs(the_list(here, *rows))
    assert ["--transparent" in job.arguments() for job in jobs] == [False, True, True, False, False]
    assert not {"true", "True", "false", "False"} & {word for job in jobs for word in job.arguments()}


def test_a_csv_list_has_transparent_too(here) -> None:
    the_list(here)
    lines = (
        "avatar,command,audio,out,transparent",
        "a.mp4,render,s.wav,me.mov,TRUE",
        "a.mp4,render,s.wav,me.mp4,",
    )
    (here / "jobs.csv").write_text("\n".join(lines))
    jobs = read_jobs(here / "jobs.csv")
    assert ["--transparent" in job.arguments() for job in jobs] == [True, False]


@pytest.mark.parametrize("out", ["frames", "frames/a_%05d.png"])
def test_pictures_are_one_output_that_is_known_again(here, out) -> None:
    class Pictures(Pretender):
        def run(self, units):
            for unit in units:
                self.asked.append(unit.task["arguments"])
                folder = Path(unit.task["out"])
                folder.mkdir()
                (folder / "a_00000.png").write_bytes(b"one")
                (folder / "a_00001.png").write_bytes(b"two")
                yield Outcome(unit.name, True, {"out": str(folder), "sha256": output_hash(folder)})

    jobs = read_jobs(the_list(here, {**CUT_OUT, "avatar": "a.mp4", "out": out}))
    assert jobs[0].made == here / "frames"
    report = run_batch(jobs, here / "report", Pictures(), quiet())
    assert report["entries"][0]["arguments"][-1:] == ["--transparent"]
    again = Pictures()
    run_batch(jobs, here / "report", again, quiet())
    assert again.asked == []
    before = output_hash(here / "frames")
    (here / "frames/a_00001.png").write_bytes(b"2")
    assert output_hash(here / "frames") != before


def test_two_sets_of_pictures_need_two_folders(here) -> None:
    rows = [{**CUT_OUT, "avatar": "a.mp4", "out": f"frames/{name}_%05d.png"} for name in "ab"]
    with pytest.raises(InputError, match="line 2: writes .* as line 1 does"):
        read_jobs(the_list(here, *rows))


def test_a_job_asks_for_a_device_and_the_report_names_it(here) -> None:
    rows = [{**ADAPT, "device": "cuda"}, {**RENDER, "device": "cpu"}, {**RENDER, "out": "you.mp4"}]
    jobs = read_jobs(the_list(here, *rows))
    assert [job.device for job in jobs] == ["cuda", "cpu", "any"]
    report = run_batch(jobs, here / "report", Pretender(), quiet())
    assert [entry["device"] for entry in report["entries"]] == ["cuda:0", "cpu", "cuda:0"]
    assert [line.split()[3] for line in as_table(report).splitlines()[1:]] == ["cuda:0", "cpu", "cuda:0"]
    # What is made is the same wherever: asking for another device does not do it again.
    again = Pretender()
    moved = read_jobs(the_list(here, *({**row, "device": "any"} for row in rows)))
    run_batch(moved, here / "report", again, quiet())
    assert again.asked == []


def test_a_job_for_a_device_that_is_not_there_is_refused(here) -> None:
    path = the_list(here, ADAPT, {**RENDER, "device": "cuda"})
    jobs = read_jobs(path)
    check_devices(path, jobs, {"cpu", "cuda"})
    with pytest.raises(InputError) as caught:
        check_devices(path, jobs, {"cpu"})
    assert caught.value.cause == "line 2: asks for cuda, and the only devices are cpu"
    (here / "jobs.csv").write_text("command,video,out,device\nadapt,a.mp4,me,cpu\n")
    with pytest.raises(InputError, match="line 2: asks for cpu, and the only devices are cuda"):
        check_devices(here / "jobs.csv", read_jobs(here / "jobs.csv"), {"cuda"})


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--devices", "cpu:1"], "line 2: asks for cuda, and the only devices are cpu"),
        (["--devices", "cpu:1,gpu:0"], "'gpu:0' is neither cpu:N nor cuda:N"),
        (["--devices", "cpu:1", "--workers", "1"], "--workers is given too"),
    ],
)
def test_the_command_refuses_before_anything_is_run(here, options, words) -> None:
    path = the_list(here, ADAPT, {**RENDER, "device": "cuda"})
    out, err = io.StringIO(), io.StringIO()
    assert run(["batch", str(path), *options], out, err) == 2
    assert words in err.getvalue()
    assert not (here / "jobs-report").exists()


def test_a_job_that_cannot_be_done_says_why(here) -> None:
    (here / "s.wav").write_bytes(b"no sound")
    task = {"arguments": ["render", str(here / "nobody"), "--audio", str(here / "s.wav")],
            "out": "x.mp4", "device": "cpu"}  # fmt: skip
    with pytest.raises(InputError) as caught:
        do_job(task)
    assert "nobody" in caught.value.subject
