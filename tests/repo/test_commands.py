"""The commands a newcomer types: what they run, and what they say when something is missing."""

import os
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

import rebuild_kernels
from checkout import ROOT

SCRIPTS = ("tools/demo", "tools/test", "tools/hatch", ".ci/run")
HATCH = tomllib.loads((ROOT / "hatch.toml").read_text())["envs"]["default"]


@pytest.mark.parametrize("script", SCRIPTS)
def test_scripts_are_executable_and_parse(script):
    assert os.access(ROOT / script, os.X_OK)
    subprocess.run(["bash", "-n", str(ROOT / script)], check=True)


def test_ci_runs_the_tests_and_nothing_else():
    lines = [line for line in (ROOT / ".ci/run").read_text().splitlines() if not line.startswith("#")]
    assert lines == ['exec "$(dirname "${BASH_SOURCE[0]}")/../tools/test"']


def test_the_environment_follows_pips_settings_and_the_constraints():
    assert HATCH["installer"] == "pip"
    assert HATCH["env-vars"]["PIP_CONSTRAINT"] == "{root}/constraints.txt"
    assert HATCH["workspace"]["members"] == ["packages/*"]


def test_the_tests_include_lint_and_types():
    assert HATCH["scripts"]["test"][:2] == ["kernels", "lint"]
    lint = " ".join(HATCH["scripts"]["lint"])
    assert "ruff check packages tools tests" in lint
    for package in (ROOT / "packages").iterdir():
        assert f"packages/{package.name}/src" in lint


def bare_machine(tmp_path: Path, programs: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a copy of tools/hatch where only the given programs (name: bash body) are on the PATH."""
    (tmp_path / "tools").mkdir()
    shutil.copy(ROOT / "tools/hatch", tmp_path / "tools/hatch")
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    for name in ("bash", "dirname"):
        (bin_folder / name).symlink_to(str(shutil.which(name)))
    for name, body in programs.items():
        (bin_folder / name).write_text(f"#!/usr/bin/env bash\n{body}\n")
        (bin_folder / name).chmod(0o755)
    environment = {"PATH": str(bin_folder)}
    bash = str(shutil.which("bash"))
    command = [bash, str(tmp_path / "tools/hatch"), "run", "test"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("programs", "said"),
    [
        ({}, "No Python 3.11 was found"),
        ({"python3": "exit 1"}, "No Python 3.11 was found"),
        ({"python3": '[[ "$2" != *ensurepip* ]]'}, "cannot make virtual environments"),
        ({"python3.11": "exit 0"}, "No C++ compiler was found"),
    ],
)
def test_what_is_missing_is_named_with_its_cure(tmp_path, programs, said):
    done = bare_machine(tmp_path, programs)
    assert done.returncode == 1
    lines = done.stderr.strip().splitlines()
    assert len(lines) <= 3
    assert said in lines[0]
    assert "apt-get install" in lines[-1]


def test_a_module_older_than_its_sources_is_stale(tmp_path):
    sources, module = tmp_path / "csrc", tmp_path / "_C.so"
    (sources / "ops").mkdir(parents=True)
    (sources / "ops" / "a.cpp").write_text("")
    assert rebuild_kernels.is_stale(sources, None)
    assert rebuild_kernels.is_stale(sources, module)
    module.write_bytes(b"")
    os.utime(sources / "ops" / "a.cpp", (100, 100))
    os.utime(module, (200, 200))
    assert not rebuild_kernels.is_stale(sources, module)
    os.utime(sources / "ops" / "a.cpp", (300, 300))
    assert rebuild_kernels.is_stale(sources, module)


def test_the_compiled_modules_are_found():
    for package in ("face3dmm", "triplane_render"):
        module = rebuild_kernels.compiled_module(package)
        assert module is not None
        assert module.exists()
    assert rebuild_kernels.compiled_module("no_such_package") is None
