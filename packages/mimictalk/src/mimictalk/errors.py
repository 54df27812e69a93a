"""The one exception tree of the app, and how errors of other packages enter it.

Every error a user can meet has three parts: the subject (which file, which option), the cause and the cure.
Printed they take at most three lines. The exit code belongs to the class, the code such as MT-APP-012 to the
place that raised it (see `mimictalk.error_codes` and docs/errors.md).
"""

import errno
import resource
import signal
import sys

from mimictalk.error_codes import code_of

_MEMORY_WORDS = (
    "can't allocate memory",
    "Cannot allocate memory",
    "out of memory",
    "std::bad_alloc",
    "can't start new thread",
    "failed to map segment",
    "PyObject pointer is null",
    "error return without exception set",
)
# oneDNN and MediaPipe do not say why; without a limit the system does not refuse memory.
_WORDS_UNDER_A_LIMIT = (
    "could not create a primitive",
    "could not execute a primitive",
    "CalculatorGraph::Run() failed",
)
# What they write where they raise nothing: C++, Python, OpenMP, the loader of libraries.
_NATIVE_WORDS = (
    b"bad_alloc",
    b"MemoryError",
    b"allocate",
    b"Resource temporarily unavailable",
    b"failed to map segment",
    b"out of memory",
)
LIBRARIES = ("face3dmm", "talk_motion", "portrait3d", "triplane_render", "mimictalk_adapt")


class MimictalkError(Exception):
    """Base of all errors that are explained to the user.

    Args:
        subject: What the error is about: a file name, an option.
        cause: What is wrong with it.
        cure: What to do about it.
    """

    exit_code = 1
    code = ""  # known once the error has been explained

    def __init__(self, subject: object, cause: str, cure: str = "") -> None:
        self.subject, self.cause, self.cure = str(subject), cause, cure
        super().__init__(f"{self.subject}: {cause}" + (f"\n{cure}" if cure else ""))

    def __reduce__(self) -> tuple[type["MimictalkError"], tuple[str, str, str]]:
        # The default would call __init__ with the joined message alone.
        return type(self), (self.subject, self.cause, self.cure)

    def as_dict(self) -> dict[str, str]:
        """The parts, for `--json`."""
        return {"subject": self.subject, "cause": self.cause, "cure": self.cure}


class InputError(MimictalkError, ValueError):
    """The command or a file it was given cannot be used as it is."""

    exit_code = 2


class AvatarError(InputError):
    """An avatar folder is damaged, incomplete, or made for other weights."""


class RunError(MimictalkError):
    """The input was good but the work could not be finished: disk full, memory, a missing codec."""


def explain(error: BaseException) -> MimictalkError | None:
    """Translate an exception into the app's tree, with its code; None for an unexpected one (a bug)."""
    known = _translated(error)
    if known is not None and not known.code:
        known.code = code_of(known.cause, error.__traceback__, __name__)
    return known


def _translated(error: BaseException) -> MimictalkError | None:
    """The error as one of the app's.

    An `InputError` of a library can only be raised when `<library>.errors` is loaded, so looking at the
    loaded modules is enough and costs no import.
    """
    if isinstance(error, MimictalkError):
        return error
    for library in LIBRARIES:
        kind = getattr(sys.modules.get(f"{library}.errors"), "InputError", None)
        if kind is not None and isinstance(error, kind):
            subject, cause, cure = (getattr(error, part, "") for part in ("subject", "cause", "cure"))
            return InputError(subject, cause, cure)
    if _out_of_memory(error):
        return no_memory()
    if isinstance(error, OSError):
        return _explain_os_error(error)
    return None


def asked_to_stop(error: BaseException) -> BaseException | None:
    """The Ctrl-C or SIGTERM that became an unexpected error on its way, as Python makes it in the body of a
    class; None where there was none."""
    seen = set[int]()
    behind: BaseException | None = error
    while behind is not None and id(behind) not in seen:
        if isinstance(behind, KeyboardInterrupt | SystemExit):
            return behind
        seen.add(id(behind))
        behind = behind.__cause__ or behind.__context__
    return None


def no_memory() -> RunError:
    """What is said when memory ran out."""
    limit = limit_of_memory()
    if limit is None:
        return RunError("memory", "there is not enough", "Close other programs or use a shorter clip.")
    cause = f"there is not enough within the limit of {limit / 1e9:.2f} GB"
    return RunError("memory", cause, "Raise the limit (ulimit -v), or use a shorter clip.")


def sudden_end(killed_by: int, said: bytes) -> RunError:
    """What is said of a process that ended without a word of its own.

    Args:
        killed_by: The signal; 0 if it ended by itself, as native libraries make it.
        said: What those had to say.
    """
    # The system kills what takes too much. Under a limit a library's crash is hardly ever anything else.
    if killed_by == signal.SIGKILL or limit_of_memory() is not None or any(w in said for w in _NATIVE_WORDS):
        return no_memory()
    how = f"crashed ({signal.Signals(killed_by).name})" if killed_by else "ended the program"
    cure = "Run the same command again; if that does not help, see `mimictalk doctor` and report it."
    return RunError("mimictalk", f"a library {how}", cure)


def limit_of_memory() -> int | None:
    """Bytes that this process may have at most; None without a limit."""
    limits = [resource.getrlimit(kind)[0] for kind in (resource.RLIMIT_AS, resource.RLIMIT_DATA)]
    return min((limit for limit in limits if limit != resource.RLIM_INFINITY), default=None)


def _out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out: each library has its own way of saying so."""
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
        return True
    # A thread needs memory for its stack; where that is missing it is "temporarily unavailable" too.
    if isinstance(error, OSError) and error.errno == errno.EAGAIN and limit_of_memory() is not None:
        return True
    # What was raised while Python handled the lack of memory is a consequence of it.
    if isinstance(error.__context__, MemoryError) and not isinstance(error, KeyboardInterrupt | SystemExit):
        return True
    # PyTorch and its kernels raise RuntimeError, the loader of libraries ImportError, Rust panics.
    kinds = {"RuntimeError", "OutOfMemoryError", "ImportError", "PanicException", "SystemError"}
    known = _MEMORY_WORDS if limit_of_memory() is None else (*_MEMORY_WORDS, *_WORDS_UNDER_A_LIMIT)
    said = str(error)
    return type(error).__name__ in kinds and any(words in said for words in known)


def _explain_os_error(error: OSError) -> MimictalkError | None:
    name = error.filename if error.filename is not None else "file"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return RunError(name, "the disk is full", "Free some space, then run the same command again.")
    if error.errno == errno.EFBIG:
        return RunError(
            name, "the system's limit on file size was reached", "Raise it (ulimit -f) and try again."
        )
    if error.errno == errno.EPIPE:
        return RunError("stdout", "the program that read it has gone", "Start both again.")
    if error.errno == errno.EAGAIN and error.filename is None:
        cure = "Close other programs, or raise the limit (ulimit -u)."
        return RunError("mimictalk", "the system lets it start no process or thread", cure)
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return InputError(
            name, "no permission to read or write it", "Change its permissions or choose another path."
        )
    if error.errno == errno.ENAMETOOLONG:
        return InputError(name, "the name is too long", "Choose a shorter one.")
    return None
