"""Consent of the person shown: asked for once before any work, recorded in the avatar."""

import sys
from pathlib import Path

from mimictalk.console import Console
from mimictalk.errors import InputError
from mimictalk.manifest import sha256_file
from mimictalk.marks import now

LONGEST = 2000  # characters of a statement
HOW = 'Add --consent "I am the person shown and I agree.", or --consent FILE with their statement.'


def obtain_consent(given: str | None, video: Path, console: Console) -> dict[str, str]:
    """What the person shown agreed to, from `--consent` or by asking.

    Args:
        given: A statement, or the name of a file (text, scan, recording) that holds it; None asks.
        video: The clip that the question is about.
        console: Where to ask.

    Returns:
        For the manifest: statement, time of recording, how it was given; of a file also name and sha256.

    Raises:
        InputError: If nobody answers, or there is nobody to ask.
    """
    if given is not None:
        if len(given) < 256 and "\n" not in given and Path(given).is_file():
            return _of_file(Path(given))
        return {"statement": _checked(given), "recorded": now(), "given": "option"}
    if console.json or not (sys.stdin.isatty() and console.err.isatty()):
        raise InputError("--consent", "nothing says that the person shown agreed to an avatar", HOW)
    print(
        f"An avatar of the person in {video.name} will say whatever it is given to say.\n"
        "Did this person agree to that, or are you this person? Write in one sentence who agreed to what;\n"
        "it is recorded in the avatar. An empty line stops.",
        file=console.err,
    )
    print("> ", end="", file=console.err, flush=True)
    answer = sys.stdin.readline().strip()
    if not answer:
        raise InputError("--consent", "no consent was stated: no avatar is made", HOW)
    return {"statement": _checked(answer), "recorded": now(), "given": "answer"}


def _of_file(path: Path) -> dict[str, str]:
    if not path.stat().st_size:
        raise InputError(path, "the statement of consent is empty", HOW)
    return {
        "statement": f"file {path.name}",
        "recorded": now(),
        "given": "file",
        "file": path.name,
        "sha256": sha256_file(path),
    }


def _checked(statement: str) -> str:
    if not statement.strip():
        raise InputError("--consent", "the statement is empty", HOW)
    if len(statement) > LONGEST:
        cause = f"a statement of {len(statement)} letters is too long"
        raise InputError("--consent", cause, "Put it into a file: --consent FILE")
    return " ".join(statement.split())
