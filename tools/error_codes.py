"""The list of every error a user can meet: read off the source, numbered once and for all.

    python tools/error_codes.py            brings data/error_codes.json and docs/errors.md up to date
    python tools/error_codes.py --check    exits 1 if they are not

A place keeps its code when its words are changed a little; the code of one that is gone is never given again.
"""

import argparse
import ast
import json
import sys
from collections.abc import Iterator
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
LIST = ROOT / "packages/mimictalk/src/mimictalk/data/error_codes.json"
PAGE = ROOT / "docs/errors.md"
HOLE = "{}"
ERRORS = {"InputError": 2, "AvatarError": 2, "RunError": 1, "MimictalkError": 1}  # and their exit codes
AREAS = {
    "face3dmm": ("FACE", "Tracking, face models, motion files (face3dmm)"),
    "triplane_render": ("RAYS", "Volume rendering (triplane-render)"),
    "portrait3d": ("HEAD", "The portrait model and its weights (portrait3d)"),
    "talk_motion": ("TALK", "Sound and motion (talk-motion)"),
    "mimictalk_adapt": ("ADAPT", "Adaptation (mimictalk-adapt)"),
    "mimictalk": ("APP", "Commands, avatars and videos (mimictalk)"),
}
SAME = 0.6  # likeness from which on changed words are the same error

Place = dict[str, Any]


def places() -> list[Place]:
    """Every place in the packages that makes an error for a user: module, cause, cure, exit code."""
    found: dict[tuple[str, str], Place] = {}
    for package in AREAS:
        source = next(ROOT.glob(f"packages/*/src/{package}"))
        for path in sorted(source.rglob("*.py")):
            module = ".".join((package, *path.relative_to(source).with_suffix("").parts)).removesuffix(
                ".__init__"
            )
            for place in _in_module(ast.parse(path.read_text(encoding="utf-8"))):
                found.setdefault((module, place["cause"]), {"module": module, **place})
    return list(found.values())


def _in_module(tree: ast.Module) -> Iterator[Place]:
    constants = _assigned(tree.body)
    inside: dict[ast.AST, dict[str, list[ast.expr]]] = {}
    for scope in ast.walk(tree):
        if isinstance(scope, ast.FunctionDef):
            known = {**constants, **_assigned(list(ast.walk(scope)))}
            inside |= dict.fromkeys(ast.walk(scope), known)
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and _kind(node) in ERRORS]
    used: dict[int, int] = {}  # the line of the last error that was made of a function's variable
    for node in sorted(calls, key=lambda call: call.lineno):
        if len(node.args) < 2:
            continue
        kind, names = _kind(node), inside.get(node, constants)
        # A variable stands for what it was set to since the error before was made of it.
        recent = {
            name: [v for v in values if used.get(id(values), 0) < v.lineno <= node.lineno] or values
            for name, values in names.items()
        }
        above = {
            name: [v for v in values if v.lineno <= node.lineno][-1:] or values
            for name, values in names.items()
        }
        named = {word.arg: word.value for word in node.keywords}
        spread = any(isinstance(one, ast.Starred) for one in node.args)
        cure = node.args[2] if len(node.args) > 2 else named.get("cure")
        cures = [HOLE] if spread else _texts(cure, above) if cure is not None else [""]
        for cause in _texts(node.args[1], recent):
            yield {"cause": cause, "cure": " / ".join(cures), "exit": ERRORS[kind]}
        if isinstance(node.args[1], ast.Name) and node.args[1].id in names:
            used[id(names[node.args[1].id])] = node.lineno


def _kind(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _assigned(nodes: list[Any]) -> dict[str, list[ast.expr]]:
    """What each name is set to, in order."""
    values: dict[str, list[ast.expr]] = {}
    for node in nodes:
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            target, value = node.targets[0], node.value
            pairs = [(target, value)]
            if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
                pairs = list(zip(target.elts, value.elts, strict=False))
            for name, one in pairs:
                if isinstance(name, ast.Name):
                    values.setdefault(name.id, []).append(one)
    return values


def _texts(node: ast.expr, names: dict[str, list[ast.expr]], depth: int = 0) -> list[str]:
    """The texts an expression can stand for, with HOLE where it depends on the case."""
    if depth > 4:
        return [HOLE]
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.JoinedStr):
        return _joined([_texts(part, names, depth + 1) for part in node.values])
    if isinstance(node, ast.FormattedValue):
        plain = isinstance(node.value, ast.Name) and node.value.id.isupper()  # a constant of the module
        return _texts(node.value, names, depth + 1) if plain else [HOLE]
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _joined([_texts(node.left, names, depth + 1), _texts(node.right, names, depth + 1)])
    if isinstance(node, ast.IfExp):
        return [*_texts(node.body, names, depth + 1), *_texts(node.orelse, names, depth + 1)]
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice):
        return _texts(node.value, names, depth + 1)
    if isinstance(node, ast.Name) and node.id in names:
        return [text for value in names[node.id] for text in _texts(value, names, depth + 1)]
    return [HOLE]


def _joined(parts: list[list[str]]) -> list[str]:
    texts = [""]
    for part in parts:
        texts = [text + one for text in texts for one in part][:8]
    return texts


def numbered(kept: dict[str, Place], found: list[Place]) -> dict[str, Place]:
    """Give every place its code: the one it has, that of the text it replaces, or a new one."""
    codes, free = dict[str, Place](), []
    by_place = {(item["module"], item["cause"]): code for code, item in kept.items()}
    for place in found:
        code = by_place.get((place["module"], place["cause"]))
        free.append(place) if code is None else codes.__setitem__(code, place)
    left = {code: item for code, item in kept.items() if code not in codes and not item.get("retired")}
    for place in free:
        area = AREAS[place["module"].split(".")[0]][0]
        near = [
            (SequenceMatcher(None, item["cause"], place["cause"]).ratio(), code)
            for code, item in left.items()
            if code.startswith(f"MT-{area}-") and code not in codes
        ]
        likeness, code = max(near, default=(0.0, ""))
        if likeness < SAME:
            taken = [int(one.rsplit("-", 1)[1]) for one in {**kept, **codes} if one.startswith(f"MT-{area}-")]
            code = f"MT-{area}-{max(taken, default=0) + 1:03d}"
        codes[code] = place
    gone = {code: {**item, "retired": True} for code, item in kept.items() if code not in codes}
    return dict(sorted({**codes, **gone}.items()))


def page(codes: dict[str, Place]) -> str:
    """docs/errors.md."""
    lines = [
        "# Errors",
        "",
        "Every error that is explained has a code: at the end of its last line, and in what `--json` gives.",
        "Exit code 2: the command or a file it was given cannot be used as it is; 1: it was not done.",
        "`…` stands for what differs from case to case: a name, a number, a library's words.",
        "",
        "This page is made by `python tools/error_codes.py` from the source; codes are never given twice.",
    ]
    for area, title in AREAS.values():
        rows = {
            code: item
            for code, item in codes.items()
            if code.startswith(f"MT-{area}-") and not item.get("retired")
        }
        if rows:
            lines += [
                "",
                f"## {title}",
                "",
                "| code | exit | what is wrong | what to do |",
                "|---|---|---|---|",
            ]
            lines += [
                f"| {code} | {item['exit']} | {_cell(item['cause'])} | {_cell(item['cure'])} |"
                for code, item in rows.items()
            ]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    shown = " ".join(text.replace(HOLE, "…").split()).replace("|", "\\|").replace("<", "&lt;")
    return shown or "…"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 if something would change"
    )
    check = parser.parse_args().check
    kept = json.loads(LIST.read_text(encoding="utf-8")) if LIST.is_file() else {}
    codes = numbered(kept, places())
    wanted = {LIST: json.dumps(codes, indent=1, ensure_ascii=False) + "\n", PAGE: page(codes)}
    stale = [
        path
        for path, text in wanted.items()
        if not path.is_file() or path.read_text(encoding="utf-8") != text
    ]
    for path in [] if check else stale:
        path.write_text(wanted[path], encoding="utf-8")
    print(f"{sum(not item.get('retired') for item in codes.values())} errors; changed: "
          f"{', '.join(path.name for path in stale) or 'nothing'}", file=sys.stderr)  # fmt: skip
    return int(check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
