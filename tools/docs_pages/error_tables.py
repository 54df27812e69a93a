"""The catalogue of errors in pages: a table where a page asks for one, an anchor for each code."""

import json
import re
from typing import Any

from docs_pages.sources import ROOT

CATALOGUE = ROOT / "packages/mimictalk/src/mimictalk/data/error_codes.json"
ASKED = re.compile(r"^<!-- errors: (?P<codes>[A-Z0-9, -]+) -->$", re.MULTILINE)
ROW = re.compile(r"^\| (MT-[A-Z]+-\d{3}) \|", re.MULTILINE)


def with_tables(text: str) -> str:
    """A page with a table in place of each `<!-- errors: MT-..., MT-... -->`.

    Raises:
        KeyError: If the catalogue has no such code, or the error is gone.
    """
    return ASKED.sub(lambda match: _table(match["codes"].split(", ")), text) if ASKED.search(text) else text


def with_anchors(text: str) -> str:
    """The list of errors with an anchor for each code: errors.md#mt-face-001."""
    return ROW.sub(lambda match: f'| <span id="{match[1].lower()}">{match[1]}</span> |', text)


def catalogue() -> dict[str, dict[str, Any]]:
    """Code: module, cause, cure, exit code, of the errors that there are."""
    listed = json.loads(CATALOGUE.read_text(encoding="utf-8"))
    return {code: item for code, item in listed.items() if not item.get("retired")}


def _table(codes: list[str]) -> str:
    known = catalogue()
    rows = [
        f"| [{code}](errors.md#{code.lower()}) | {_cell(item['cause'])} | {_cell(item['cure'])} |"
        for code, item in ((code, known[code]) for code in codes)
    ]
    return "\n".join(["| code | what is said | what to do |", "|---|---|---|", *rows])


def _cell(text: str) -> str:
    return " ".join(text.replace("{}", "…").split()).replace("|", "\\|").replace("<", "&lt;") or "…"
