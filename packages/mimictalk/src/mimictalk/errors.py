"""The one exception tree of the app, and how errors of other packages enter it.

Every error a user can meet has three parts: the subject (which file, which option), the cause and the cure.
Printed they take at most three lines. The exit code belongs to the class, the code such as MT-APP-012 to the
place that raised it (see `mimictalk.error_codes` and docs/errors.md).
"""

import errno
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
        return RunError("memory", "there is not enough", "Close other programs or use a shorter clip.")
    if isinstance(error, OSError):
        return _explain_os_error(error)
    return None


def _out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out: each library has its own way of saying so."""
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
        return True
    # What was raised while Python handled the lack of memory is a consequence of it.
    if isinstance(error.__context__, MemoryError) and not isinstance(error, KeyboardInterrupt | SystemExit):
        return True
    # PyTorch and its kernels raise RuntimeError, the loader of libraries ImportError, Rust panics.
    kinds = {"RuntimeError", "OutOfMemoryError", "ImportError", "PanicException", "SystemError"}
    said = str(error)
    return type(error).__name__ in kinds and any(words in said for words in _MEMORY_WORDS)


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
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return InputError(
            name, "no permission to read or write it", "Change its permissions or choose another path."
        )
    if error.errno == errno.ENAMETOOLONG:
        return InputError(name, "the name is too long", "Choose a shorter one.")
    return None
