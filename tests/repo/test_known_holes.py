"""No package of ours allows a version of a library that is known to have a hole."""

import tomllib
from collections.abc import Iterator

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from checkout import PACKAGES, ROOT
from mimictalk.known_holes import FLOORS


def requirements() -> Iterator[tuple[str, Requirement]]:
    """Everything that our packages ask for, with their extras."""
    for name, folder in PACKAGES.items():
        table = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
        lines = [
            *table["dependencies"],
            *(x for extra in table.get("optional-dependencies", {}).values() for x in extra),
        ]
        yield from ((name, Requirement(line)) for line in lines)


def lets_in(need: Requirement) -> str | None:
    """What an allowed version of this library could have; None where all allowed ones are safe."""
    floor = FLOORS.get(need.name.lower())
    if floor is None:
        return None
    least = [Version(one.version) for one in need.specifier if one.operator in (">=", "==", "~=")]
    return None if least and max(least) >= Version(floor.version) else f"{need} allows {floor.hole}"


def test_no_package_allows_a_version_with_a_known_hole():
    assert [f"{name}: {hole}" for name, need in requirements() if (hole := lets_in(need))] == []


def test_the_versions_tested_together_have_none():
    lines = (line.split("#")[0].strip() for line in (ROOT / "constraints.txt").read_text().splitlines())
    assert [hole for line in lines if line and (hole := lets_in(Requirement(line)))] == []


def test_every_hole_has_a_public_number():
    for name, floor in FLOORS.items():
        assert name == name.lower()
        assert floor.hole.startswith("CVE-")


@pytest.mark.parametrize("line", ["torch>=2.9", "torch", "av<19", "Pillow>=12.1.1"])
def test_the_check_sees(line):
    assert lets_in(Requirement(line))


@pytest.mark.parametrize("line", ["torch>=2.10", "av==18.1.0", "numpy>=1", "pillow>=12.2,<14"])
def test_the_check_lets_pass(line):
    assert lets_in(Requirement(line)) is None
