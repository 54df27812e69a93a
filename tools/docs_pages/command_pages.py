"""One page for each command, from the command line itself: its arguments, options, defaults and help."""

import re
import sys
from typing import Any

from docs_pages.sources import ROOT

INDEX = "commands/index.md"
DEFAULT = re.compile(r" *\[(?:default: )?((?<=default: )[^\]]*|required)\]$")  # as Typer ends its help


def command_pages() -> dict[str, str]:
    """Page: Markdown, in the order in which `mimictalk --help` lists them."""
    root = command_line()
    pages = {INDEX: _index(root)}
    for name, command in root.commands.items():
        pages[f"commands/{name}.md"] = _page(f"mimictalk {name}", command)
    return pages


def command_line() -> Any:
    """The command line as Typer's click group; reads the checkout where nothing is installed."""
    if not _installed():
        sys.path[:0] = [str(path) for path in ROOT.glob("packages/*/src")]
    from typer.main import get_command

    from mimictalk.cli import app

    return get_command(app)


def _installed() -> bool:
    from importlib.util import find_spec

    return find_spec("mimictalk") is not None


def _index(root: Any) -> str:
    import typer

    context = typer.Context(root)
    rows = [
        f"| [`{name}`]({name}.md) | {_sentence(command.help)} |" for name, command in root.commands.items()
    ]
    shared = [_row(option, context) for option in root.params]
    return "\n".join(
        [
            "# Commands",
            "",
            "Exit codes: 0 done, 1 failed, 2 wrong use or unusable input, 130 stopped with Ctrl-C.",
            "These pages are made from the command line itself.",
            "",
            "| command | what it does |",
            "|---|---|",
            *rows,
            "",
            "## With every command, in any place",
            "",
            *_table(shared),
        ]
    )


def _page(path: str, command: Any, level: int = 1) -> str:
    import typer

    context = typer.Context(command, info_name=path)
    lines = [f"{'#' * level} {path}", "", _text(command.help), ""]
    if hasattr(command, "commands"):
        parts = [_page(f"{path} {name}", sub, level + 1) for name, sub in command.commands.items()]
        return "\n".join(lines + parts)
    usage = " ".join([path, *command.collect_usage_pieces(context)])
    lines += ["```text", usage, "```", ""]
    rows = [_row(one, context) for one in command.params if not getattr(one, "hidden", False)]
    return "\n".join([*lines, *_table(rows), ""])


def _table(rows: list[tuple[str, str, str]]) -> list[str]:
    return ["| option | meaning | default |", "|---|---|---|", *(f"| {a} | {b} | {c} |" for a, b, c in rows)]


def _row(parameter: Any, context: Any) -> tuple[str, str, str]:
    names, said = parameter.get_help_record(context)
    told = DEFAULT.search(said)
    default = told[1] if told else ""
    help_text = _text(said[: told.start()] if told else said).replace("|", "\\|")
    return _code(names), help_text, default if default in ("", "required") else _code(default)


def _code(text: str) -> str:
    """Code in a table: a bar between backticks would end the cell, or show its backslash."""
    return f"<code>{text.replace('&', '&amp;').replace('<', '&lt;').replace('|', '&#124;')}</code>"


def _text(text: str | None) -> str:
    return " ".join((text or "").replace("\b", "").split()).replace("<", "&lt;").replace("*", "\\*")


def _sentence(text: str | None) -> str:
    return _text(text).split(". ")[0].rstrip(".") + "."
