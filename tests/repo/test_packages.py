"""Every package has version, README, history and type marks, and accepts the siblings of this checkout."""

import ast
import re

import pytest
from packaging.requirements import Requirement

from checkout import PACKAGES, ROOT, project

README_PARTS = ("pip install ", "```", r"not (do )?yet")  # how to get it, an example, what it cannot do


def version_in(init: str) -> str | None:
    """Return the constant assigned to __version__ in a module's source."""
    for node in ast.parse(init).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__version__":
            return ast.literal_eval(node.value)
    return None


def missing_parts(readme: str) -> list[str]:
    """Return what a README lacks of: installation, example, what it does not do yet."""
    return [part for part in README_PARTS if not re.search(part, readme.lower())]


def unsatisfied(requirement: str, version: str) -> str | None:
    """Return what is wrong with the version range of a sibling, or None."""
    specifier = Requirement(requirement).specifier
    operators = {entry.operator for entry in specifier}
    if not {">=", "<"} <= operators:
        return f"{requirement}: wants a range with >= and <"
    return None if specifier.contains(version) else f"{requirement}: the checkout has {version}"


@pytest.mark.parametrize("package", PACKAGES)
def test_version_is_the_same_everywhere(package):
    folder = PACKAGES[package]
    version = project(package)["version"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", version)
    assert version_in((folder / "src" / package / "__init__.py").read_text()) == version
    newest = re.search(r"^## \[?(\d+\.\d+\.\d+)", (folder / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest is not None, "CHANGELOG.md has no heading like  ## 0.1.0"
    assert newest[1] == version


@pytest.mark.parametrize("package", PACKAGES)
def test_package_is_complete(package):
    folder = PACKAGES[package]
    assert (folder / "src" / package / "py.typed").exists()
    assert project(package)["name"] == folder.name
    assert project(package)["requires-python"] == ">=3.11"
    readme = (folder / "README.md").read_text()
    assert readme.startswith(f"# {folder.name}\n")
    assert missing_parts(readme) == []


@pytest.mark.parametrize("package", PACKAGES)
def test_siblings_of_the_checkout_are_accepted(package):
    problems = []
    for entry in project(package)["dependencies"]:
        sibling = Requirement(entry).name.replace("-", "_")
        if sibling in PACKAGES:
            problems.append(unsatisfied(entry, project(sibling)["version"]))
    assert [problem for problem in problems if problem] == []


@pytest.mark.parametrize("package", PACKAGES)
def test_every_dependency_says_why(package):
    table = (PACKAGES[package] / "pyproject.toml").read_text()
    block = re.search(r"^dependencies = \[\n(.*?)^\]", table, re.MULTILINE | re.DOTALL)
    assert block is not None
    assert [line for line in block[1].splitlines() if "  # " not in line] == []


@pytest.mark.parametrize("package", PACKAGES)
def test_tests_mirror_the_package(package):
    assert list((ROOT / "tests" / package).glob("test_*.py")), f"tests/{package} is empty"


def test_a_build_changes_nothing_outside_its_package():
    stray = [
        path for package in PACKAGES.values() for path in package.glob("src/*") if path.name not in PACKAGES
    ]
    assert [path for path in stray if not path.name.endswith(".egg-info")] == []


def test_the_version_check_can_fail():
    assert version_in("__version__ = '1.2.3'\n") == "1.2.3"
    assert version_in("x = 1\n") is None
    assert missing_parts("# a\n```sh\npip install a\n```\n") == [r"not (do )?yet"]
    assert unsatisfied("talk-motion>=0.1,<0.2", "0.1.9") is None
    assert "0.2.0" in str(unsatisfied("talk-motion>=0.1,<0.2", "0.2.0"))
    assert "range" in str(unsatisfied("talk-motion", "0.1.0"))
