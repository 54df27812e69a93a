"""The table of operators in csrc/README.md says what is in the folders."""

import re
from dataclasses import dataclass

import pytest

from checkout import PACKAGES, ROOT

CSRC = ROOT / "csrc"
COLUMNS = ("package", "op", "signature", "cpu", "cuda", "reference", "test", "differentiable in")
NO_OPERATOR = {"bindings.cpp"}  # build information and the names that Python sees


@dataclass(frozen=True)
class Row:
    """One operator, as the table has it; cpu and cuda are source files in csrc/<package>, or nothing."""

    package: str
    op: str
    cpu: tuple[str, ...]
    cuda: tuple[str, ...]
    reference: str
    test: str


def rows(text: str) -> list[Row]:
    """Return the rows of the table whose header is COLUMNS; cells without back quotes."""
    lines = [[c.strip().strip("`") for c in re.split(r"(?<!\\)\|", line)[1:-1]] for line in text.splitlines()]
    starts = [index for index, cells in enumerate(lines) if tuple(cells) == COLUMNS]
    if len(starts) != 1:
        raise ValueError(f"wanted one table with the columns {COLUMNS}")
    found = []
    for cells in lines[starts[0] + 2 :]:
        if len(cells) != len(COLUMNS):
            break
        package, op, _, cpu, cuda, reference, test, _ = cells
        files = [tuple(re.findall(r"[^\s`,]+", "" if cell == "no" else cell)) for cell in (cpu, cuda)]
        found.append(Row(package, op, *files, reference, test))
    return found


def table() -> list[Row]:
    return rows((CSRC / "README.md").read_text())


def test_every_source_belongs_to_an_op():
    sources = {
        path.relative_to(CSRC).as_posix() for path in CSRC.rglob("*") if path.suffix in {".cpp", ".cu"}
    }
    listed = {f"{row.package}/{file}" for row in table() for file in (*row.cpu, *row.cuda)}
    assert {name for name in sources if name.split("/")[-1] not in NO_OPERATOR} == listed


def test_every_row_is_true():
    for row in table():
        code = "".join(path.read_text() for path in (PACKAGES[row.package] / "src").rglob("*.py"))
        assert row.reference == f"{row.op}_reference"
        for name in (row.op, row.reference):
            assert f"def {name}(" in code, f"{row.package} has no function {name}"
        assert row.op in (ROOT / row.test).read_text()


def test_the_reader_sees_rows():
    head = "| " + " | ".join(COLUMNS) + " |\n|" + "---|" * len(COLUMNS) + "\n"
    text = (
        "x\n"
        + head
        + "| a | `b` | `f(x)` | `b.cpp`, `c.cpp` | no | `b_reference` | `tests/a.py` | x |\n\nafter | it |\n"
    )
    assert rows(text) == [Row("a", "b", ("b.cpp", "c.cpp"), (), "b_reference", "tests/a.py")]
    with pytest.raises(ValueError, match="wanted one table"):
        rows("no table")
