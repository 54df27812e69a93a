"""A page of the API for each package: its public names, and what examples import from its modules."""

import ast
import re
from collections.abc import Iterator, Mapping

from docs_pages.sources import PACKAGES, ROOT

PYTHON = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
OPTIONS = "    options:\n      heading_level: 3\n"


def api_pages(documents: Mapping[str, str]) -> dict[str, str]:
    """Page: Markdown, in which mkdocstrings puts signatures and docstrings.

    Args:
        documents: File: Markdown, whose examples say which modules are meant to be used.
    """
    imported = sorted({name for text in documents.values() for name in imported_names(text)})
    return {f"packages/{package}/api.md": _page(package, imported) for package in PACKAGES}


def _page(package: str, imported: list[str]) -> str:
    module = package.replace("-", "_")
    public = public_names(module)
    lines = [f"# {package}: API", "", f"The names of `{module}`."]
    lines += [f"\n::: {module}.{name}\n{OPTIONS}" for name in public]
    deeper = [
        name
        for name in imported
        if name.startswith(f"{module}.") and name.count(".") > 1 and name.rsplit(".", 1)[1] not in public
    ]
    if deeper:
        lines += ["\n## In its modules\n", "Used by the examples of these pages."]
        lines += [f"\n::: {name}\n{OPTIONS}" for name in deeper]
    return "\n".join(lines) + "\n"


def public_names(module: str) -> list[str]:
    """`__all__` of a package, read off its source."""
    init = next(ROOT.glob(f"packages/*/src/{module}/__init__.py"))
    for node in ast.parse(init.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__":
            return list(ast.literal_eval(node.value))
    return []


def imported_names(text: str) -> Iterator[str]:
    """Full names that the Python examples of a document import from our packages."""
    ours = {package.replace("-", "_") for package in PACKAGES}
    for code in PYTHON.findall(text):
        for node in ast.walk(ast.parse(code)):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] in ours:
                yield from (f"{node.module}.{name.name}" for name in node.names)
