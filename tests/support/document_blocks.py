"""Fenced code of documents: what must be run, what may not be, and why.

A line before the fence says why a block is not run at once:

    <!-- needs: a clip of a person -->     never: syntax, commands and their options are judged
    <!-- slow: learns for a minute -->     by `pytest -m slow` alone
"""

import json
import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from checkout import ROOT

FENCE = re.compile(
    r"^(?:<!-- (?P<mark>needs|slow): (?P<reason>[^>]*?) -->\n+)?^(?P<tick>```+)(?P<language>\w*)[^\n]*\n(?P<code>.*?)^(?P=tick)[ ]*$",
    re.MULTILINE | re.DOTALL,
)
RUN = ("sh", "python")
READ = ("json",)
SHOWN = ("text", "")  # trees, drawings, output
SKIPPED_WORDS = ("&&", "||", ";", "|")


@dataclass(frozen=True)
class Block:
    """One fenced block.

    Attributes:
        document: Path of the document, relative to the root.
        number: Which of its blocks, from 0.
        language: What stands after the fence.
        code: Its text.
        mark: "needs", "slow" or "".
        reason: What stands after the mark.
    """

    document: str
    number: int
    language: str
    code: str
    mark: str = ""
    reason: str = ""

    @property
    def name(self) -> str:
        """For pytest: document and number."""
        return f"{self.document}:{self.number}"


def blocks_of(document: str, text: str) -> list[Block]:
    """Every fenced block of a Markdown text."""
    return [
        Block(document, number, m["language"], m["code"], m["mark"] or "", (m["reason"] or "").strip())
        for number, m in enumerate(FENCE.finditer(text))
    ]


def faults(block: Block) -> list[str]:
    """What can be said against a block without running it."""
    if block.mark and not block.reason:
        return ["the mark gives no reason"]
    if block.language == "python":
        return _compiled(block.code)
    if block.language == "json":
        return [fault for line in _json_texts(block.code) for fault in _parsed(line)]
    if block.language == "sh":
        return [fault for words in commands_in(block.code) for fault in command_faults(words)]
    return [] if block.language in SHOWN else [f"nothing is known of {block.language!r}"]


def commands_in(code: str) -> list[list[str]]:
    """The simple commands of a shell block as words; comments, redirections and assignments left out."""
    found: list[list[str]] = []
    for line in code.replace("\\\n", " ").splitlines():
        words: list[str] = []
        for word in [*_words(line), ";"]:
            if word in SKIPPED_WORDS:
                if words:
                    found.append(words)
                words = []
            elif words or not re.match(r"^\w+=", word):
                words.append(word)
    return [words[: words.index(">")] if ">" in words else words for words in found]


def command_faults(words: list[str]) -> list[str]:
    """What is wrong with one command: unknown options of ours, scripts that are not there."""
    program, rest = words[0], words[1:]
    if program == "torchrun" and "-m" in rest:
        rest = rest[rest.index("-m") + 1 :]
        program, rest = rest[0], rest[1:]
    if program.endswith("python") and rest and not rest[0].startswith("-"):
        program, rest = rest[0], rest[1:]
    if program == "mimictalk" or program.endswith("/mimictalk"):
        return mimictalk_faults(rest)
    if program.startswith(("tools/", "./tools/", "docs/")):
        path = ROOT / program
        if not path.is_file():
            return [f"there is no {program}"]
        options = [word.split("=")[0] for word in rest if word.startswith("--")]
        known = _sources_text(path)
        return [f"{program} knows no {one}" for one in options if f'"{one}"' not in known and one != "--help"] if path.suffix == ".py" else []  # fmt: skip
    return []


def mimictalk_faults(arguments: list[str]) -> list[str]:
    """What the command line itself says of arguments that it only reads."""
    import typer
    from typer.main import get_command

    from mimictalk.cli import app, fill_label, split_flags

    flags, rest = split_flags(arguments)
    command: Any = get_command(app)
    if "--help" in rest or "--version" in rest:
        rest = [word for word in rest if word not in ("--help", "--version")]
        while rest and hasattr(command, "commands"):
            if rest[0] not in command.commands:
                return [f"there is no command {rest[0]}"]
            command = command.commands[rest.pop(0)]
        return []
    rest = fill_label(rest)
    try:
        while hasattr(command, "commands"):
            if not rest or rest[0] not in command.commands:
                return [f"there is no command {' '.join(rest[:1])!r}"] if rest else []
            command = command.commands[rest.pop(0)]
        command.make_context("mimictalk", list(rest))
    except typer.BadParameter.__mro__[1] as error:
        return [f"{' '.join(flags + rest)}: {error.format_message()}"]
    return []


def runs_in_process(block: Block) -> bool:
    """Whether a shell block is nothing but our own commands."""
    plain = not set("|<>&$`") & set(re.sub(r"#.*", "", block.code))
    return (
        block.language == "sh" and plain and all(words[0] == "mimictalk" for words in commands_in(block.code))
    )


def _words(line: str) -> list[str]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|;&>")
    lexer.whitespace_split = True
    lexer.commenters = "#" if not re.search(r"'#|\"#|/#", line) else ""
    return list(lexer)


def _sources_text(path: Path) -> str:
    """A script with the modules beside it that may read its options."""
    package = path.with_suffix("")
    beside = sorted(package.rglob("*.py")) if package.is_dir() else []
    return "".join(one.read_text(encoding="utf-8") for one in [path, *beside, *path.parent.glob("*.py")])


def _compiled(code: str) -> list[str]:
    try:
        compile(code, "example", "exec")
    except SyntaxError as error:
        return [str(error)]
    return []


def _json_texts(code: str) -> list[str]:
    try:
        json.loads(code)
        return [code]
    except ValueError:
        return code.splitlines()  # one object a line


def _parsed(text: str) -> list[str]:
    try:
        json.loads(text)
    except ValueError as error:
        return [str(error)]
    return []
