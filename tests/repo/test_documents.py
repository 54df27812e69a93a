"""Examples in the documents run, links lead somewhere, pictures are well formed."""

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import pytest

from checkout import PACKAGES, ROOT, markdown_files

FENCE = re.compile(r"^(?P<mark><!-- needs: .* -->\n+)?```python\n(?P<code>.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)|<img [^>]*src=\"([^\"]+)\"")


@dataclass(frozen=True)
class Example:
    """A ```python block of a document.

    Attributes:
        code: The Python source.
        needs_files: True when `<!-- needs: ... -->` stands on the line before: only the syntax is judged.
    """

    code: str
    needs_files: bool


def examples(text: str) -> list[Example]:
    """Return the Python blocks of a Markdown text."""
    return [Example(match["code"], match["mark"] is not None) for match in FENCE.finditer(text)]


def run_example(example: Example, folder: Path) -> str:
    """Run an example in an empty folder, deprecations as errors; return its stderr when it fails."""
    compile(example.code, "example", "exec")
    if example.needs_files:
        return ""
    command = [sys.executable, "-W", "error::DeprecationWarning:__main__", "-c", example.code]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=120)
    return done.stderr if done.returncode else ""


def broken_links(document: Path, text: str) -> list[str]:
    """Return the relative links of a Markdown text that lead to no file."""
    targets = [a or b for a, b in LINK.findall(text)]
    local = [target.split("#")[0] for target in targets if not re.match(r"[a-z]+:|#", target)]
    return [target for target in local if not (document.parent / target).exists()]


DOCUMENTS = {str(path.relative_to(ROOT)): path for path in markdown_files()}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_examples_run(name, tmp_path):
    failed = [said for e in examples(DOCUMENTS[name].read_text()) if (said := run_example(e, tmp_path))]
    assert not failed


@pytest.mark.parametrize("package", sorted(set(PACKAGES) - {"mimictalk"}))  # that one is a command line
def test_every_library_shows_an_example_that_runs(package):
    found = examples((PACKAGES[package] / "README.md").read_text())
    assert [example for example in found if not example.needs_files]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_lead_somewhere(name):
    assert broken_links(DOCUMENTS[name], DOCUMENTS[name].read_text()) == []


@pytest.mark.parametrize("path", sorted((ROOT / "docs").glob("*.svg")), ids=lambda path: path.name)
def test_pictures_are_well_formed(path):
    root = ElementTree.fromstring(path.read_text())
    assert root.tag.endswith("svg")
    assert root.find("{http://www.w3.org/2000/svg}title") is not None


def test_the_checks_can_fail(tmp_path):
    text = (
        "a\n```python\nraise SystemExit('no')\n```\n<!-- needs: a clip -->\n```python\nopen('a.mp4')\n```\n"
    )
    text += "[a](no.md) [b](#x)"
    first, second = examples(text)
    assert "no" in run_example(first, tmp_path)
    assert run_example(second, tmp_path) == ""
    with pytest.raises(SyntaxError):
        run_example(Example("def", needs_files=True), tmp_path)
    assert broken_links(tmp_path / "a.md", text) == ["no.md"]
