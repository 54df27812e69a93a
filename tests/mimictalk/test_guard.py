"""What is heavy runs in a child process: its death is told in words, signals reach it once, it never stays."""

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

PROLOGUE = """
import ctypes, os, signal, sys, time
import mimictalk.adapt_job
from mimictalk.cli import main

def make_avatar(settings, console):
"""
EPILOGUE = """
mimictalk.adapt_job.make_avatar = make_avatar
sys.argv = ["mimictalk", "adapt", "x.mp4"]
main()
"""


def start(here: Path, *body: str, memory: int | None = None) -> subprocess.Popen[str]:
    """The real entry point, alone in its group, with other work to do."""

    def before() -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # a background shell has its jobs ignore it
        if memory is not None:
            resource.setrlimit(resource.RLIMIT_AS, (memory, memory))

    program = PROLOGUE + "\n".join(f"    {line}" for line in body) + EPILOGUE
    return subprocess.Popen(
        [sys.executable, "-c", program], cwd=here, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True, preexec_fn=before,
    )  # fmt: skip


CRASHES = {
    "os.kill(os.getpid(), signal.SIGSEGV)": "mimictalk: a library crashed (SIGSEGV)",
    "os._exit(1)": "mimictalk: a library ended the program",
    "os.write(2, b'libgomp: Thread creation failed: Resource temporarily unavailable'); os._exit(1)":
        "memory: there is not enough",
    "os.write(2, b\"what():  std::bad_alloc\"); os.abort()": "memory: there is not enough",
    "os.kill(os.getpid(), signal.SIGKILL)": "memory: there is not enough",
}  # fmt: skip


@pytest.mark.parametrize("crash", CRASHES)
def test_a_sudden_death_is_told_in_words(here, crash):
    out, err = (child := start(here, crash)).communicate(timeout=60)
    assert (child.returncode, out) == (1, "")
    said = err.splitlines()
    assert said[0] == CRASHES[crash]
    assert len(said) == 2
    assert said[1].endswith("]")
    assert "[MT-APP-" in said[1]


def test_a_crash_under_a_limit_of_memory_names_the_limit(here):
    child = start(here, "os.kill(os.getpid(), signal.SIGSEGV)", memory=2_000_000_000)
    _, err = child.communicate(timeout=60)
    assert child.returncode == 1
    assert err.startswith("memory: there is not enough within the limit of 2.00 GB\n")


def test_what_python_cannot_allocate_is_told_in_the_same_words(here):
    child = start(here, "bytearray(1 << 40)", memory=2_000_000_000)
    _, err = child.communicate(timeout=60)
    assert child.returncode == 1
    assert err.startswith("memory: there is not enough within the limit of 2.00 GB\n")


def test_a_crash_after_the_last_word_changes_nothing(here):
    crash = "import atexit; atexit.register(os.kill, os.getpid(), signal.SIGSEGV)"
    child = start(here, crash, "raise FileNotFoundError(36, '', 'x' * 300)")  # a name that is too long
    _, err = child.communicate(timeout=60)
    assert child.returncode == 2
    assert "the name is too long" in err
    assert "crashed" not in err


COUNTING = (
    "count = []",
    "signal.signal(signal.SIGINT, lambda *_: count.append(1))",
    "console.note(f'working {os.getpid()}')",
    "time.sleep(1.5)",
    "console.note(f'{len(count)} signals')",
    "os._exit(0)",
)


@pytest.mark.parametrize("whole_group", [True, False])
def test_a_signal_reaches_the_work_once(here, whole_group):
    with start(here, *COUNTING) as child:
        assert child.stderr is not None
        assert child.stderr.readline().startswith("working")
        (os.killpg if whole_group else os.kill)(child.pid, signal.SIGINT)
        assert child.stderr.readline() == "1 signals\n"


def test_the_work_stops_when_its_guard_is_killed(here):
    work = ("try:", "    console.note(f'working {os.getpid()}')", "    time.sleep(60)")
    with start(here, *work, "finally:", "    console.note('kept')") as child:
        assert child.stderr is not None
        worker = int(child.stderr.readline().split()[1])
        assert worker != child.pid
        child.kill()
        began = time.monotonic()
        assert child.stderr.read() == "kept\n"  # and the pipe ends: nobody holds it any more
        assert time.monotonic() - began < 5


def test_the_work_reads_and_writes_where_the_program_does(here):
    with start(here, "sys.stdout.write(sys.stdin.readline()); sys.stdout.flush(); os._exit(0)") as child:
        out, _ = child.communicate("a line\n", timeout=60)
    assert out == "a line\n"


PRESSED_AFTER = """
import os, signal, sys, threading
from mimictalk.__main__ import main

set_handler = signal.signal

def then_press(number, handler):
    set_handler(number, handler)
    if signal.signal is then_press:  # the first one
        signal.signal = set_handler
        threading.Timer(float(sys.argv.pop(1)), os.killpg, (0, signal.SIGINT)).start()

signal.signal = then_press
main()
"""


@pytest.mark.parametrize("seconds", [0.0, 0.1, 0.2, 0.4, 0.8])
def test_ctrl_c_is_heard_from_the_first_moment(here, seconds):
    """Where the program is by then depends on the machine; what it says does not."""
    (here / "silence.wav").write_bytes(b"RIFF")
    done = subprocess.run(
        [sys.executable, "-c", PRESSED_AFTER, str(seconds), "motion", "--audio", "silence.wav"],
        cwd=here, capture_output=True, text=True, timeout=60, start_new_session=True, check=False,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    if done.returncode != 2 or not seconds:  # it was quicker: the file cannot be read
        assert (done.returncode, done.stderr) == (130, "\nStopped. Run the same command to start again.\n")
