"""The command line: parse, run one command, and turn whatever goes wrong into words and an exit code.

Nothing heavy is imported here: `mimictalk --help` must answer at once.
"""

import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Sequence
from types import FrameType
from typing import Annotated, TextIO

import typer
from typer.main import get_command

from mimictalk import __version__
from mimictalk.blas_memory import take_blas_memory
from mimictalk.commands import register_all
from mimictalk.console import Console
from mimictalk.error_codes import code_of
from mimictalk.errors import InputError, MimictalkError, asked_to_stop, explain, sudden_end
from mimictalk.guard import STOPPING, Guard

SHARED_FLAGS = ("--json", "--quiet", "-q", "--debug")
INTERRUPTED, TERMINATED = 130, 143
# One person's work, at once: the commands that load the networks and end.
GUARDED = ("demo", "adapt", "render", "oneshot", "check", "evaluate", "ablate", "track", "motion", "verify")
MOST_SAID = 1 << 20  # bytes of native libraries' messages that are looked at
SHOW_CURSOR = "\x1b[?25h"  # a bar of progress that died has hidden it
HELP = """Learn one person's talking head from a short video and make it speak any audio.

\b
A first look:   mimictalk demo
Your own clip:  mimictalk adapt REF.mp4
                mimictalk render --audio SPEECH.wav

The options below go with every command, in any place."""

app = typer.Typer(
    name="mimictalk",
    help=HELP,
    no_args_is_help=False,
    add_completion=False,
    rich_markup_mode=None,  # plain text answers in half the time and reads the same in a pipe
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def _shared(
    ctx: typer.Context,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="No progress, only warnings and errors.")
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show tracebacks and the libraries' own messages.")
    ] = False,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        ctx.obj.result(f"mimictalk {__version__}", {"version": __version__})
        raise typer.Exit
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help(), file=ctx.obj.out)
        raise typer.Exit


register_all(app)


def run(arguments: Sequence[str], out: TextIO | None = None, err: TextIO | None = None) -> int:
    """Run one command line; returns the exit code and never raises for what a user can do."""
    flags, rest = split_flags(arguments)
    rest = fill_label(rest)
    console = Console("--json" in flags, bool({"--quiet", "-q"} & {*flags}), "--debug" in flags)
    console.out, console.err = out or sys.stdout, err or sys.stderr
    try:
        code = get_command(app).main(
            [*flags, *rest], prog_name="mimictalk", standalone_mode=False, obj=console
        )
        # Typer turns Ctrl-C inside a command into this exit code.
        return _interrupted(console) if code == INTERRUPTED else int(code or 0)
    except KeyboardInterrupt:
        return _interrupted(console)
    except Exception as error:
        stop = asked_to_stop(error) if explain(error) is None else None
        if isinstance(stop, SystemExit):
            raise stop from error
        return _failed(error, console) if stop is None else _interrupted(console)
    except BaseException as error:  # Rust's panics are no Exceptions
        if explain(error) is None:
            raise
        return _failed(error, console)


def main() -> None:
    """The `mimictalk` program, once it is loaded."""
    signal.signal(signal.SIGTERM, _terminate)
    # Before torch is loaded: threads that wait for each other sleep. Else they spin, and where another task
    # holds a core, for one that cannot run: motion for ten seconds of sound took twenty times as long.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    # Where memory is short, oneDNN tells so on stdout, which belongs to results and videos.
    os.environ.setdefault("ONEDNN_VERBOSE", "none")
    arguments = sys.argv[1:]
    flags, rest = split_flags(arguments)
    err = sys.stderr if "--debug" in flags else _separate_native_messages()
    guarded = rest[:1] and rest[0] in GUARDED and hasattr(os, "fork")
    sys.exit((run_guarded if guarded else _run_and_flush)(arguments, sys.stdout, err))


def run_guarded(arguments: Sequence[str], out: TextIO, err: TextIO) -> int:
    """Run one command line in a child process, whose sudden death is told in words as well.

    Returns:
        The exit code, in both processes: each has to end with it.
    """
    flags, _ = split_flags(arguments)
    console = Console("--json" in flags, debug="--debug" in flags, out=out, err=err)
    guard = Guard()
    try:
        ending = guard.split()
    except OSError as error:
        return _failed(error, console)
    if ending is None:
        try:
            take_blas_memory()
        except (MemoryError, ImportError) as error:
            code = _failed(error, console)
        else:
            code = _run_and_flush(arguments, out, err)
        err.flush()
        guard.spoken(code)
        if code in (INTERRUPTED, TERMINATED):
            os._exit(code)  # threads that compute would be waited for; what was to be kept is on the disk
        return code
    if ending.code is not None:
        return ending.code
    if err.isatty():
        err.write(SHOW_CURSOR)
    if ending.signal in STOPPING:
        return 128 + ending.signal
    return _failed(sudden_end(ending.signal, b"" if console.debug else os.pread(2, MOST_SAID, 0)), console)


def _run_and_flush(arguments: Sequence[str], out: TextIO, err: TextIO) -> int:
    try:
        if callable(signal.getsignal(signal.SIGINT)):  # from here on there is something to be kept
            signal.signal(signal.SIGINT, signal.default_int_handler)
        code = run(arguments, out, err)
        out.flush()
    except BrokenPipeError:
        # The reader of a pipe has gone; the interpreter must not complain while it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    except KeyboardInterrupt:
        code = _interrupted(Console(err=err))
    except SystemExit as ended:  # after SIGTERM
        code = ended.code if isinstance(ended.code, int) else 1
    return code


def split_flags(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Take the flags that every command shares out of a command line, wherever they stand."""
    end = list(arguments).index("--") if "--" in arguments else len(arguments)
    flags = [argument for argument in arguments[:end] if argument in SHARED_FLAGS]
    rest = [argument for argument in arguments[:end] if argument not in SHARED_FLAGS]
    return flags, [*rest, *arguments[end:]]


def fill_label(arguments: Sequence[str]) -> list[str]:
    """Give `--label` its usual words where none follow: options with optional values are not Typer's."""
    from mimictalk.mark_settings import LABEL

    filled = list(arguments)
    for index, argument in enumerate(filled):
        if argument == "--":
            break
        if argument == "--label" and (index + 1 == len(filled) or filled[index + 1].startswith("-")):
            filled[index] = f"--label={LABEL}"
    return filled


def _failed(error: BaseException, console: Console) -> int:
    known = _usage_error(error) or explain(error)
    if console.debug:
        traceback.print_exception(error, file=console.err)
    if known is None:
        message = f"this is a bug: {type(error).__name__}: {' '.join(str(error).split())[:200]}"
        known = MimictalkError("mimictalk", f"{message} (add --debug for the traceback)")
    known.code = known.code or code_of(known.cause, None, __name__)
    console.error(known)
    return known.exit_code


def _usage_error(error: BaseException) -> MimictalkError | None:
    if not isinstance(error, typer.BadParameter.__mro__[1]):
        return None
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "mimictalk"
    cause = " ".join(getattr(error, "format_message", error.__str__)().split())
    return InputError(command, cause.rstrip("."), f"See {command} --help")


def _interrupted(console: Console) -> int:
    print(f"\nStopped. {console.how_to_go_on}", file=console.err, flush=True)
    return INTERRUPTED


def _terminate(number: int, frame: FrameType | None) -> None:
    # SystemExit unwinds the stack, so that temporary files are removed.
    raise SystemExit(TERMINATED)


def _separate_native_messages() -> TextIO:
    """Keep the log lines that native libraries write to file descriptor 2 away from the user.

    Descriptor 2 goes to an anonymous file and the app writes to a copy of the old one. --debug skips this.
    """
    err = os.fdopen(os.dup(2), "w", buffering=1, encoding=sys.stderr.encoding, errors="backslashreplace")
    with tempfile.TemporaryFile() as sink:
        os.dup2(sink.fileno(), 2)
    return err
