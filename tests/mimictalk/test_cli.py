"""The command line as a user meets it: help, exit codes, wrong use, bugs, Ctrl-C."""

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import mimictalk.adapt_job
from mimictalk import __version__
from mimictalk.cli import split_flags

HELP = """\
Usage: mimictalk [OPTIONS] COMMAND [ARGS]...

  Learn one person's talking head from a short video and make it speak any
  audio.

  A first look:   mimictalk demo
  Your own clip:  mimictalk adapt REF.mp4
                  mimictalk render --audio SPEECH.wav

  The options below go with every command, in any place.

Options:
  --json       Print one JSON object on stdout.
  -q, --quiet  No progress, only warnings and errors.
  --debug      Show tracebacks and the libraries' own messages.
  --version    Print the version.
  -h, --help   Show this message and exit.

Commands:
  demo        The whole way on built-in synthetic material.
  adapt       Learn one person from a clip; writes an avatar folder.
  render      Make an avatar speak a sound file, or copy a clip's motion.
  oneshot     Make a single portrait speak, or copy a clip's motion.
  check       Say whether a clip is fit for adapt, without training.
  evaluate    Measure an avatar, or any video, beside a true clip.
  ablate      What each part of adapt is worth, measured on a clip.
  track       Follow the face in a clip; writes an ARKit CSV.
  motion      Turn speech into face motion: CSV, JSON, visemes, glTF, USD.
  batch       Run lists of adapt, render and oneshot jobs.
  preprocess  Track any number of clips into training shards.
  verify      Tell whether a file is marked as synthetic (exit code 1: not).
  doctor      Check this installation; every fault comes with its cure.
  ui          Open the studio, a page in your browser.
  serve       Serve avatars, jobs and renders over HTTP, with the page.
  stream      Speak live: microphone or socket in, WebRTC or mp4 out.
  weights     Import weights from published checkpoints, list them, check...
  train       Train the generic models.
"""
COMMANDS = (
    "demo", "adapt", "render", "oneshot", "check", "evaluate", "ablate", "track", "motion", "batch", "preprocess", "verify",
    "doctor", "ui", "serve", "stream", "weights", "train",
)  # fmt: skip
PROGRAM = Path(sys.executable).with_name("mimictalk")


@pytest.mark.parametrize("arguments", [(), ("--help",), ("-h",)])
def test_help(cli, capsys, arguments):
    ran = cli(*arguments)
    assert ran.code == 0
    assert ran.out + capsys.readouterr().out == HELP


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_every_command_fits_the_terminal(cli, capsys, command):
    assert cli(command, "--help").code == 0
    text = capsys.readouterr().out
    assert text.startswith(f"Usage: mimictalk {command} ")
    assert max(len(line) for line in text.splitlines()) <= 80


def test_version(cli):
    assert cli("--version").out == f"mimictalk {__version__}\n"
    assert cli("--version", "--json").json["version"] == __version__


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["adaptt"], "mimictalk: No such command 'adaptt'. Did you mean 'adapt'?\nSee mimictalk --help\n"),
        (["adapt"], "mimictalk adapt: Missing argument 'REF.mp4'\nSee mimictalk adapt --help\n"),
        (
            ["adapt", "x.mp4", "--stpes", "3"],
            "mimictalk adapt: No such option: --stpes (Possible options: --preset, --seed, --steps)\n"
            "See mimictalk adapt --help\n",
        ),
        (
            ["adapt", "x.mp4", "--steps", "0"],
            "--steps: 0 is not above zero\nLeave it out for the usual number.\n",
        ),
        (
            ["adapt", "x.mp4", "--budget", "soon"],
            "--budget: 'soon' is not a length of time\nWrite for example 90s, 10m or 1h30m.\n",
        ),
        (["adapt", "x.mp4", "--first", "0.5s"], "--first: 0.5 s are too few\nGive at least 1s.\n"),
        (["adapt", "x.mp4", "--seed", "-1"], "--seed: -1 is out of range\nGive a whole number from 0.\n"),
        (
            ["adapt", "x.mp4", "--consent", " "],
            "--consent: the statement is empty\nWrite it out, or leave the option away.\n",
        ),
        (
            ["adapt", "x.mp4"],
            "x.mp4: there is no such file\nCheck the name; only local files are read.\n",
        ),
        (
            ["render"],
            "mimictalk render: nothing says what the avatar should do\n"
            "Give --audio SPEECH.wav, or --drive CLIP.mp4.\n",
        ),
        (
            ["render", "--audio", "a.wav", "--drive", "b.mp4"],
            "mimictalk render: --audio and --drive exclude each other\n"
            "Give --audio SPEECH.wav, or --drive CLIP.mp4.\n",
        ),
        (
            ["render", "--drive", "b.mp4", "--style", "c.mp4"],
            "mimictalk render: with --drive, style and head motion come from the driving clip\n"
            "Leave out --style, and --pose CLIP, or use --audio.\n",
        ),
        (
            ["render", "--drive", "b.mp4", "--pose", "c.mp4"],
            "mimictalk render: with --drive, style and head motion come from the driving clip\n"
            "Leave out --style, and --pose CLIP, or use --audio.\n",
        ),
        (
            ["render", "--audio", "a.wav", "--mouth", "3"],
            "--mouth: 3 is out of range\nGive 0 to 2.\n",
        ),
        (
            ["oneshot", "a.png", "--audio", "a.wav", "--gaze", "away"],
            "--gaze: 'away' is no direction\nGive auto, forward or YAW,PITCH in degrees, such as 10,0.\n",
        ),
        (
            ["render", "--audio", "a.wav", "--pose", "90,0,0"],
            "--pose: a yaw of 90 degrees is out of range\nGive -20 to 20 degrees.\n",
        ),
        (
            ["render", "--audio", "a.wav", "--style-strength", "9"],
            "--style-strength: 9 is out of range\nGive 0 to 4.\n",
        ),
        (
            ["render", "--audio", "a.wav", "-o", "a.avi"],
            "a.avi: only mp4 is written\nChoose a name that ends in .mp4.\n",
        ),
        (
            ["render", "me", "--audio", "a.wav"],
            "me: there is no such folder\nName the folder that `mimictalk adapt` made.\n",
        ),
        (["verify", "a.mp4"], "a.mp4: there is no such file\nCheck the name.\n"),
    ],
)
def test_wrong_use_is_told_in_three_lines_with_exit_code_2(cli, here, arguments, message):
    ran = cli(*arguments)
    assert (ran.code, ran.out, ran.err) == (2, "", message)
    assert len(ran.err.splitlines()) <= 3
    assert list(here.iterdir()) == []


@pytest.mark.parametrize("value", ["sideways", ""])
def test_a_wrong_choice_names_the_right_ones(cli, value):
    ran = cli("render", "--audio", "a.wav", "--blink", value)
    assert ran.code == 2
    assert "--blink" in ran.err
    assert "auto" in ran.err
    assert "none" in ran.err
    assert len(ran.err.splitlines()) <= 3


def test_shared_flags_stand_anywhere():
    assert split_flags(["--json", "render", "me"]) == (["--json"], ["render", "me"])
    assert split_flags(["render", "me", "-q", "--debug"]) == (["-q", "--debug"], ["render", "me"])
    assert split_flags(["verify", "--", "--json"]) == ([], ["verify", "--", "--json"])


@pytest.mark.parametrize(
    "arguments", [["--json", "verify", "x"], ["verify", "--json", "x"], ["verify", "x", "--json"]]
)
def test_json_errors_parse(cli, arguments):
    ran = cli(*arguments)
    assert ran.code == 2
    assert ran.json == {
        "ok": False,
        "exit_code": 2,
        "error": {
            "subject": "x",
            "cause": "there is no such file",
            "cure": "Check the name.",
            "code": ran.error_codes[0],
        },
        "warnings": [],
    }


def test_a_bug_takes_one_line_and_points_to_debug(cli, monkeypatch):
    def broken(*_):
        raise KeyError("planes")

    monkeypatch.setattr(mimictalk.adapt_job, "make_avatar", broken)
    ran = cli("adapt", "x.mp4")
    assert ran.code == 1
    assert ran.err == "mimictalk: this is a bug: KeyError: 'planes' (add --debug for the traceback)\n"
    assert "Traceback (most recent call last)" in cli("adapt", "x.mp4", "--debug").err


def test_ctrl_c_says_how_to_go_on(cli, monkeypatch):
    def interrupted(settings, console):
        console.how_to_go_on = "Type it again."
        raise KeyboardInterrupt

    monkeypatch.setattr(mimictalk.adapt_job, "make_avatar", interrupted)
    ran = cli("adapt", "x.mp4")
    assert (ran.code, ran.out, ran.err) == (130, "", "\nStopped. Type it again.\n")


def test_ctrl_c_in_the_body_of_a_class_is_no_bug(cli, monkeypatch):
    def interrupted(settings, console):
        class Slow:  # Python makes a RuntimeError of what is raised here
            def __set_name__(self, owner, name):
                raise KeyboardInterrupt

        type("Owner", (), {"name": Slow()})

    monkeypatch.setattr(mimictalk.adapt_job, "make_avatar", interrupted)
    ran = cli("adapt", "x.mp4")
    assert (ran.code, ran.err) == (130, "\nStopped. Run the same command to start again.\n")


def test_an_error_while_stopping_is_told(cli, monkeypatch):
    def interrupted(settings, console):
        try:
            raise KeyboardInterrupt
        finally:
            raise OSError(errno.ENOSPC, "?", "state")

    monkeypatch.setattr(mimictalk.adapt_job, "make_avatar", interrupted)
    ran = cli("adapt", "x.mp4")
    assert ran.code == 1
    assert ran.err.startswith("state: the disk is full\n")


PROLOGUE = """
import os, sys, time
import mimictalk.adapt_job
from mimictalk.atomic import atomic_folder
from mimictalk.cli import main

def make_avatar(settings, console):
"""
EPILOGUE = """
mimictalk.adapt_job.make_avatar = make_avatar
sys.argv = ["mimictalk", "adapt", "x.mp4"]
main()
"""


def start(here: Path, *body: str) -> subprocess.Popen[str]:
    """The real entry point in a process of its own, with other work to do."""
    program = PROLOGUE + "\n".join(f"    {line}" for line in body) + EPILOGUE
    return subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=here,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A background shell has its jobs ignore it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_cleanly_and_soon(here, number, code):
    child = start(
        here,
        "with atomic_folder(settings.out) as folder:",
        "    (folder / 'half').write_text('x')",
        "    console.note('working')",
        "    time.sleep(60)",
    )
    assert child.stderr is not None
    first = child.stderr.readline()
    os.kill(child.pid, number)
    began = time.monotonic()
    _, err = child.communicate(timeout=20)
    assert time.monotonic() - began < 2
    assert (first, child.returncode) == ("working\n", code), err
    assert "Traceback" not in err
    assert list(here.iterdir()) == []


def test_messages_of_native_libraries_do_not_reach_the_user(here):
    child = start(here, "os.write(2, b'W0000 mediapipe says')", "console.warn('ours')")
    out, err = child.communicate(timeout=60)
    assert child.returncode == 1  # the stand-in returns no facts: a bug, told in one line
    assert "W0000" not in err
    assert err.splitlines()[0] == "warning: ours"
    assert out == ""


def test_a_closed_pipe_is_no_error(here):
    done = subprocess.run(
        ["bash", "-c", f"'{PROGRAM}' --help | true; exit ${{PIPESTATUS[0]}}"],
        cwd=here, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stderr == ""
    assert done.returncode in (0, 1)


def test_the_program_answers_from_any_folder(here):
    done = subprocess.run([PROGRAM, "--version"], cwd=here, capture_output=True, text=True, check=True)
    assert done.stdout == f"mimictalk {__version__}\n"
