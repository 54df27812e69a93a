"""Every error has subject, cause and cure, an exit code, and comes from one tree."""

import copy
import errno
import importlib
import resource
import pickle

import pytest

from mimictalk.errors import LIBRARIES, AvatarError, InputError, MimictalkError, RunError, explain


def test_text_is_subject_cause_and_cure():
    error = InputError("a.mp4", "it is empty", "Copy it again.")
    assert str(error) == "a.mp4: it is empty\nCopy it again."
    assert error.as_dict() == {"subject": "a.mp4", "cause": "it is empty", "cure": "Copy it again."}


def test_exit_codes_belong_to_the_class():
    assert [kind.exit_code for kind in (MimictalkError, RunError, InputError, AvatarError)] == [1, 1, 2, 2]
    assert issubclass(AvatarError, InputError)
    assert issubclass(InputError, ValueError)


def test_an_error_survives_a_process_boundary():
    error = pickle.loads(pickle.dumps(AvatarError("a", "b", "c")))
    assert (type(error), error.as_dict()) == (AvatarError, {"subject": "a", "cause": "b", "cure": "c"})
    assert str(copy.copy(error)) == "a: b\nc"


@pytest.mark.parametrize("library", LIBRARIES)
def test_an_input_error_of_a_library_is_ours(library):
    module = pytest.importorskip(f"{library}.errors", reason=f"{library} has no errors module yet")
    known = explain(module.InputError("x.wav", "it is silent", "Record it again."))
    assert type(known) is InputError
    assert str(known) == "x.wav: it is silent\nRecord it again."


def test_our_own_errors_pass_unchanged():
    error = RunError("out.mp4", "no", "Try.")
    assert explain(error) is error


@pytest.mark.parametrize(
    ("number", "code", "words"),
    [
        (errno.ENOSPC, 1, "out.mp4: the disk is full"),
        (errno.EDQUOT, 1, "out.mp4: the disk is full"),
        (errno.EFBIG, 1, "out.mp4: the system's limit on file size"),
        (errno.EACCES, 2, "out.mp4: no permission"),
        (errno.EROFS, 2, "out.mp4: no permission"),
        (errno.ENAMETOOLONG, 2, "out.mp4: the name is too long"),
    ],
)
def test_errors_of_the_system_get_a_cause_and_a_cure(number, code, words):
    known = explain(OSError(number, "?", "out.mp4"))
    assert known is not None
    assert known.exit_code == code
    assert str(known).startswith(words)
    assert known.cure


def test_too_little_memory_is_no_bug():
    assert str(explain(MemoryError())) == (
        "memory: there is not enough\nClose other programs or use a shorter clip."
    )


@pytest.mark.parametrize("bug", [KeyError("x"), ValueError("x"), RuntimeError("x"), OSError("x")])
def test_a_bug_stays_a_bug(bug):
    assert explain(bug) is None


def test_libraries_are_the_ones_beside_us():
    for library in LIBRARIES:
        importlib.import_module(library)


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOMEM, "?", "out.mp4"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 7077888 bytes."),
        RuntimeError("std::bad_alloc"),
        RuntimeError("can't start new thread"),
        ImportError("libtorch_cpu.so: failed to map segment from shared object"),
        type("PanicException", (BaseException,), {})("PyObject pointer is null"),
    ],
)
def test_every_librarys_way_of_running_out_of_memory_is_known(error):
    assert str(explain(error)) == str(explain(MemoryError()))


def test_what_follows_from_a_lack_of_memory_is_one():
    error = ValueError("a consequence")
    error.__context__ = MemoryError()
    assert str(explain(error)) == str(explain(MemoryError()))


@pytest.mark.parametrize(
    "silent",
    [
        RuntimeError("could not create a primitive"),
        RuntimeError("CalculatorGraph::Run() failed: \nCalculator::Open() for node"),
        OSError(errno.EAGAIN, "Resource temporarily unavailable"),
    ],
)
def test_under_a_limit_it_is_named_and_silent_libraries_are_understood(monkeypatch, silent):
    before = explain(silent)
    assert before is None or not before.cause.startswith("there is not enough")
    limits = {resource.RLIMIT_AS: 3_000_000_000, resource.RLIMIT_DATA: resource.RLIM_INFINITY}
    monkeypatch.setattr("resource.getrlimit", lambda kind: (limits[kind], resource.RLIM_INFINITY))
    wanted = "memory: there is not enough within the limit of 3.00 GB\n"
    assert str(explain(silent)).startswith(wanted)
    assert str(explain(MemoryError())).startswith(wanted)
