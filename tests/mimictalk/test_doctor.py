"""Things are broken one by one, as they break in the world: doctor names each with a cure and goes on."""

import errno
import locale
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from mimictalk import installation_checks, machine_checks, version_checks
from mimictalk.doctor import examine
from mimictalk.finding import OK

Patch = pytest.MonkeyPatch


def without(module: str) -> Callable[[Patch], None]:
    return lambda patch: patch.setitem(sys.modules, module, None)


def installed(**changes: str | None) -> Callable[[Patch], None]:
    """Other versions than the real ones; None for a library that is not there."""
    named = {name.replace("_", "-"): value for name, value in changes.items()}
    real = version_checks._installed
    return lambda patch: patch.setattr(
        version_checks, "_installed", lambda name: named[name] if name in named else real(name)
    )


def torch_of(cuda: str | None, driver: bool) -> Callable[[Patch], None]:
    def fault(patch: Patch) -> None:
        patch.setattr(torch.version, "cuda", cuda)
        patch.setattr(torch.cuda, "is_available", lambda: False)
        patch.setattr(version_checks, "NVIDIA_DRIVER", Path("/" if driver else "/nowhere"))

    return fault


def limited(name: str, most: int) -> Callable[[Patch], None]:
    real = machine_checks._limit
    return lambda patch: patch.setattr(
        machine_checks, "_limit", lambda key: most if key == name else real(key)
    )


def a_file_for(variable: str) -> Callable[[Patch], None]:
    """The folder's place is taken by a file: not even root can write there."""

    def fault(patch: Patch) -> None:
        Path("taken").write_text("")
        patch.setenv(variable, str(Path("taken").resolve()))

    return fault


def raising(error: Exception) -> Callable[..., None]:
    def call(*_args: object, **_kwargs: object) -> None:
        raise error

    return call


def old_torchaudio(patch: Patch) -> None:
    installed(torch="2.13.0+cpu", torchaudio="2.13.0+cpu")(patch)
    patch.setattr(version_checks, "import_module", raising(OSError("undefined symbol: torch_library_impl")))


def weights_of_another_build(patch: Patch) -> None:
    folder = Path("installed")
    folder.mkdir()
    (folder / "small.safetensors").write_bytes(b"weights")
    (folder / "small.json").write_text('{"sha256": "0"}')
    files = {"x/small.safetensors": folder / "small.safetensors"}
    patch.setattr(installation_checks, "weight_files", lambda package: files)


FAULTS: dict[str, tuple[Callable[[Patch], None], str, str]] = {
    "a package is missing": (installed(portrait3d=None), "packages", "portrait3d is not installed"),
    "a sibling is too new": (installed(portrait3d="0.9.0"), "version of portrait3d", "needs <0.2,>=0.1"),
    "numpy is from before 2": (installed(numpy="1.26.4"), "version of numpy", "1.26.4 is installed"),
    "protobuf is too new": (installed(protobuf="5.29.5"), "version of protobuf", "needs <5,>=4.25.3"),
    "mediapipe without networks": (installed(mediapipe="1.2.2"), "version of mediapipe", "needs ==0.10.14"),
    "a library is missing": (installed(peft=None), "version of peft", "it is not installed"),
    "torch has a hole": (installed(torch="2.9.1"), "known hole in torch", "CVE-2026-24747"),
    "pillow has a hole": (installed(pillow="12.0.0"), "known hole in pillow", "CVE-2026-42308"),
    "torch cannot be imported": (without("torch"), "torch", "ModuleNotFoundError"),
    "a CPU torch beside a GPU": (torch_of(None, driver=True), "torch build", "built for the CPU"),
    "a CUDA torch without GPU": (torch_of("13.0", driver=False), "torch build", "sees no GPU"),
    "an old NVIDIA driver": (torch_of("13.0", driver=True), "torch build", "too old"),
    "a CUDA torchaudio": (installed(torch="2.13.0+cpu", torchaudio="2.13.0"), "torchaudio", "a CUDA build"),
    "an old torchaudio": (old_torchaudio, "torchaudio", "undefined symbol"),
    "peft cannot be imported": (without("peft"), "adapters", "peft"),
    "OpenCV lacks libGL": (without("cv2"), "opencv", "cv2"),
    "PyAV cannot be imported": (without("av"), "codecs", "av"),
    "no x264": (
        lambda patch: patch.setattr(installation_checks, "_has_codec", lambda name, mode: name != "libx264"),
        "codecs",
        "has no libx264",
    ),
    "Pillow without JPEG": (
        lambda patch: patch.setattr("PIL.features.check", lambda name: name != "jpg"),
        "pictures",
        "cannot read JPEG",
    ),
    "no signatures": (without("c2pa"), "provenance", "c2pa"),
    "weights of another build": (
        weights_of_another_build,
        "weights of portrait3d",
        "does not match its sha256",
    ),
    "little memory": (
        lambda patch: patch.setattr(machine_checks, "available_memory_gb", lambda: 0.5),
        "memory",
        "0.5 GB",
    ),
    "a memory limit": (limited("RLIMIT_AS", 10**9), "memory limit", "1.0 GB of addresses"),
    "few open files": (limited("RLIMIT_NOFILE", 64), "open files", "only 64"),
    "a limit on files": (limited("RLIMIT_FSIZE", 10**6), "file size", "files of 1 MB"),
    "the disk is nearly full": (
        lambda patch: patch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=0.2e9)),
        "disk",
        "0.2 GB free",
    ),
    "no processes": (
        lambda patch: patch.setattr(subprocess, "run", raising(OSError(errno.EAGAIN, "no more"))),
        "child processes",
        "none can be started",
    ),
    "no temporary files": (
        lambda patch: patch.setattr(tempfile, "TemporaryFile", raising(OSError(errno.EROFS, "read only"))),
        "temporary folder",
        "read only",
    ),
    "no state folder": (a_file_for("XDG_STATE_HOME"), "state folder", "cannot be written"),
    "no cache folder": (a_file_for("XDG_CACHE_HOME"), "cache folder", "cannot be written"),
    "no data folder": (a_file_for("XDG_DATA_HOME"), "data folder", "cannot be written"),
    "names in ASCII": (
        lambda patch: patch.setattr(sys, "getfilesystemencoding", lambda: "ascii"),
        "file names",
        "in ascii",
    ),
    "a locale that is not there": (lambda patch: patch.setenv("LC_ALL", "xx_XX"), "language", "xx_XX"),
    "a clock at its beginning": (
        lambda patch: patch.setattr(time, "time", lambda: 86_400.0 * 365),
        "clock",
        "days behind",
    ),
}


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    # Importing mediapipe, cv2 and peft takes seconds; one test in test_installation_checks imports them.
    modules = {
        "mediapipe": SimpleNamespace(__version__="0.10.14", __file__="/nowhere/__init__.py"),
        "cv2": SimpleNamespace(__version__="5"),
        "peft": SimpleNamespace(__version__="0.21"),
    }
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_named_with_its_cure(monkeypatch, fault):
    breaks, name, words = FAULTS[fault]
    breaks(monkeypatch)
    found = {check.name: check for check in examine()}
    monkeypatch.undo()
    assert found[name].status != OK
    assert words in found[name].found
    assert found[name].cure
    assert len(found) >= len(installation_checks.CHECKS), "the other checks ran too"


def test_what_is_not_broken_is_found_well(monkeypatch):
    """Faults of the table are seen because they are there: without them the same checks are satisfied."""
    breaking = {name for _, name, _ in FAULTS.values()}
    found = {check.name: check for check in examine()}
    of_this_machine = {"memory", "disk", "torch build", "memory limit", "open files", "file size", "codecs"}
    assert [found[name] for name in breaking & set(found) - of_this_machine if found[name].status != OK] == []


def test_the_locale_of_the_process_is_left_as_it_was(monkeypatch):
    before = locale.setlocale(locale.LC_ALL)
    monkeypatch.setenv("LC_ALL", "xx_XX")
    machine_checks.language()
    assert locale.setlocale(locale.LC_ALL) == before


def test_doctor_looks_at_enough():
    assert len(examine()) >= 20
    assert len(FAULTS) >= 20
