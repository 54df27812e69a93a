"""Known noise is dropped, nothing else."""

import os

import pytest

from face3dmm.stderr_filter import without_lines


def test_only_known_lines_are_dropped(capfd: pytest.CaptureFixture[str]) -> None:
    with without_lines(["Created delegate"]):
        os.write(2, b"INFO: Created delegate for CPU.\nsomething else\n")
    os.write(2, b"Created delegate outside\n")
    assert capfd.readouterr().err == "something else\nCreated delegate outside\n"


def test_what_was_said_before_an_error_is_shown(capfd: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        with without_lines(["x"]):
            os.write(2, b"cause\n")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert capfd.readouterr().err == "cause\n"
