"""Packages import only what lies below them (docs/architecture.md); csrc imports nothing above it."""

import ast
import re

import pytest

from checkout import PACKAGES, ROOT, project, sources

BELOW = {
    "face3dmm": set(),
    "triplane_render": set(),
    "talk_motion": set(),
    "mimictalk_adapt": set(),
    "portrait3d": {"triplane_render"},
    "mimictalk": {"face3dmm", "triplane_render", "portrait3d", "talk_motion", "mimictalk_adapt"},
}
FRAMEWORK_HEADER = re.compile(r"^(torch|ATen|c10)/")


def imported_modules(source: str) -> set[str]:
    """Return the top-level names a module imports anywhere, also inside functions or through importlib."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add(node.module or "")
        elif isinstance(node, ast.Call) and _called(node) in ("import_module", "__import__") and node.args:
            names |= {arg.value for arg in node.args[:1] if isinstance(arg, ast.Constant)}
    return {name.split(".")[0] for name in names}


def _called(node: ast.Call) -> str:
    return getattr(node.func, "attr", getattr(node.func, "id", ""))


def includes(source: str) -> list[str]:
    """Return the header names that C++ source includes."""
    return re.findall(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', source, re.MULTILINE)


def test_every_package_has_its_place():
    assert set(BELOW) == set(PACKAGES)


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_go_down(package):
    forbidden = set(PACKAGES) - BELOW[package] - {package}
    broken = {
        str(path.relative_to(ROOT)): sorted(found)
        for path in sources(package)
        if (found := imported_modules(path.read_text()) & forbidden)
    }
    assert not broken


@pytest.mark.parametrize("package", PACKAGES)
def test_declared_siblings_lie_below(package):
    declared = {re.split(r"[^\w-]", entry)[0].replace("-", "_") for entry in project(package)["dependencies"]}
    assert declared & set(PACKAGES) <= BELOW[package]


def test_csrc_includes_nothing_above_it():
    broken = []
    for path in (ROOT / "csrc").rglob("*"):
        if path.suffix in {".h", ".hpp", ".cuh", ".cpp", ".cu"}:
            own = ROOT / "csrc" / path.relative_to(ROOT / "csrc").parts[0]
            for header in includes(path.read_text()):
                elsewhere = ((path.parent / header).resolve(), (own / header).resolve())
                above = any(place.exists() and own not in place.parents for place in elsewhere)
                if above or FRAMEWORK_HEADER.match(header):
                    broken.append(f"{path.relative_to(ROOT)} includes {header}")
    assert not broken


@pytest.mark.parametrize(
    "source",
    [
        "import portrait3d",
        "import portrait3d.model as m",
        "from portrait3d.model import Portrait3D",
        "def f():\n    from portrait3d import Portrait3D",
        "import importlib\nimportlib.import_module('portrait3d.model')",
    ],
)
def test_the_check_sees_every_kind_of_import(source):
    assert "portrait3d" in imported_modules(source)


def test_the_check_ignores_a_packages_own_modules():
    assert imported_modules("from .portrait3d import x\nimport torch.nn") == {"torch"}


def test_the_check_sees_includes():
    assert includes('#include <torch/extension.h>\n  # include "../other/a.h"\n// no') == [
        "torch/extension.h",
        "../other/a.h",
    ]
