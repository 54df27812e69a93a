"""Complete or not at all, whatever happens in between."""

import os
import signal
import subprocess
import sys
import textwrap

import pytest

from mimictalk.atomic import MACHINE, atomic_file, atomic_folder, sweep, temporary_sibling, write_bytes


def dead_process() -> int:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid


def heed_interrupts() -> None:
    """A shell's background jobs ignore Ctrl-C, and so would what they start."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_a_file_appears_with_its_content(here):
    write_bytes(here / "deep" / "a.bin", b"123")
    assert (here / "deep" / "a.bin").read_bytes() == b"123"
    assert [entry.name for entry in (here / "deep").iterdir()] == ["a.bin"]


def test_an_error_leaves_the_old_file(here):
    (here / "a").write_text("old")
    with pytest.raises(TypeError), atomic_file(here / "a") as temporary:
        temporary.write_text("half") + "not a number"
    assert [(entry.name, entry.read_text()) for entry in here.iterdir()] == [("a", "old")]


def test_an_error_leaves_the_old_folder(here):
    (here / "me").mkdir()
    (here / "me" / "x").write_text("old")
    with pytest.raises(TypeError), atomic_folder(here / "me") as temporary:
        (temporary / "y").write_text("half") + "not a number"
    assert [entry.name for entry in here.iterdir()] == ["me"]
    assert [entry.name for entry in (here / "me").iterdir()] == ["x"]


def test_a_folder_replaces_the_old_one(here):
    (here / "me").mkdir()
    (here / "me" / "x").write_text("old")
    with atomic_folder(here / "me") as temporary:
        (temporary / "y").write_text("new")
        assert (here / "me" / "x").read_text() == "old"
    assert [entry.name for entry in here.iterdir()] == ["me"]
    assert [entry.name for entry in (here / "me").iterdir()] == ["y"]


def test_sweep_removes_what_the_dead_left_and_nothing_else(here):
    (here / f".mimictalk-{MACHINE}-{dead_process()}-out.mp4").write_text("half")
    (here / f".mimictalk-{MACHINE}-{dead_process()}-me").mkdir()
    living = temporary_sibling(here / "me")
    living.mkdir()
    another = here / f".mimictalk-{int(MACHINE, 16) ^ 1:08x}-{dead_process()}-out.mp4"
    another.write_text("what another machine is writing into the folder it shares with this one")
    (here / ".mimictalk").write_text("a user's file")
    (here / "me").mkdir()
    removed = sweep(here)
    assert len(removed) == 2
    assert sorted(entry.name for entry in here.iterdir()) == sorted(
        [living.name, another.name, ".mimictalk", "me"]
    )


def test_a_folder_moved_aside_by_a_killed_process_is_put_back(here):
    retired = here / f".mimictalk-{MACHINE}-{dead_process()}-me.retired"
    retired.mkdir()
    (retired / "avatar.json").write_text("the only copy")
    sweep(here)
    assert (here / "me" / "avatar.json").read_text() == "the only copy"
    assert [entry.name for entry in here.iterdir()] == ["me"]


def test_a_folder_moved_aside_and_replaced_is_removed(here):
    (here / f".mimictalk-{MACHINE}-{dead_process()}-me.retired").mkdir()
    (here / "me").mkdir()
    sweep(here)
    assert [entry.name for entry in here.iterdir()] == ["me"]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_killed_process_leaves_no_half_folder(here, number):
    program = textwrap.dedent(
        """
        import signal, sys, time
        from pathlib import Path
        from mimictalk.atomic import atomic_folder
        from mimictalk.cli import _terminate
        signal.signal(signal.SIGTERM, _terminate)
        with atomic_folder(Path("me")) as folder:
            (folder / "half").write_text("x")
            print("ready", flush=True)
            time.sleep(60)
        """
    )
    child = subprocess.Popen([sys.executable, "-c", program], cwd=here, stdout=subprocess.PIPE, text=True,
                             stderr=subprocess.DEVNULL, preexec_fn=heed_interrupts)  # fmt: skip
    assert child.stdout is not None
    with child.stdout:
        assert child.stdout.readline() == "ready\n"
        os.kill(child.pid, number)
        child.wait(timeout=20)
    assert not (here / "me").exists()
    if number == signal.SIGKILL:
        assert len(sweep(here)) == 1  # the next run in this folder clears it away
    assert list(here.iterdir()) == []
