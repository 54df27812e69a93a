"""Every error that is explained to a user has a stable code, such as MT-FACE-012; docs/errors.md lists them.

A code belongs to one place in the source and to what is said there. `tools/error_codes.py` reads the places
off the source and keeps them, numbered once and for all, in data/error_codes.json; here the code of an error
that was raised is looked up by the module that raised it and its words.
"""

import json
import re
from functools import cache
from importlib.resources import files
from types import TracebackType
from typing import NamedTuple

HOLE = "{}"  # in a template: what differs from case to case
TELLING = 8  # from more fixed letters on, words alone tell which error it is


class Place(NamedTuple):
    """A place in the source that explains an error.

    Attributes:
        code: "MT-<area>-<number>".
        module: Where it is raised.
        pattern: What its cause looks like.
        fixed: How many letters of the cause are always the same.
    """

    code: str
    module: str
    pattern: re.Pattern[str]
    fixed: int


def code_of(cause: str, raised_in: TracebackType | None, module: str = "") -> str:
    """The code of an error; "" for one that is not in the list.

    Args:
        cause: What it says.
        raised_in: Its traceback; the innermost of our modules in it is where it was raised.
        module: Where it was made, if there is no traceback.
    """
    while raised_in is not None:
        name = raised_in.tb_frame.f_globals.get("__name__", "")
        module = name if name in _modules() else module
        raised_in = raised_in.tb_next
    fits = [place for place in _places() if place.pattern.fullmatch(cause)]
    # Words that one module makes for another to raise are known by themselves, if there are enough of them.
    telling = [place for place in fits if place.fixed > TELLING or place.module == module]
    best = max(telling, key=lambda it: (it.fixed > TELLING, it.module == module, it.fixed), default=None)
    return best.code if best else ""


def pattern(template: str) -> re.Pattern[str]:
    """What texts made from a template look like."""
    return re.compile(".*?".join(re.escape(part) for part in template.split(HOLE)), re.DOTALL)


@cache
def _places() -> tuple[Place, ...]:
    listed = json.loads((files("mimictalk") / "data" / "error_codes.json").read_text(encoding="utf-8"))
    return tuple(
        Place(code, item["module"], pattern(item["cause"]), len(item["cause"].replace(HOLE, "")))
        for code, item in listed.items()
        if not item.get("retired")
    )


@cache
def _modules() -> frozenset[str]:
    return frozenset(place.module for place in _places())
