"""Some hundred mutated files through the readers; tools/fuzz_readers.py does ten thousand."""

import os
import signal

import fuzz_readers

CONTAINERS, ARTEFACTS = 120, 300


def test_no_altered_artefact_is_accepted():
    assert fuzz_readers.fuzz_artefacts(range(ARTEFACTS)) == []


def test_no_mutated_container_brings_the_readers_down():
    assert fuzz_readers.fuzz_containers(range(CONTAINERS)) == []


def test_a_crash_and_an_error_without_words_are_seen():
    def crash() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def bug() -> None:
        raise KeyError("x")

    assert fuzz_readers.in_child(crash) == "SIGKILL"
    assert fuzz_readers.in_child(bug) == "an error that is not explained"
    assert fuzz_readers.in_child(lambda: None) == ""
