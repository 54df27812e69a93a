"""Things are broken one by one: doctor names each with a cure and goes on with the others."""

import json
import sys
from types import SimpleNamespace

import pytest

from mimictalk import base_weights, installation_checks
from mimictalk.doctor import examine, table
from mimictalk.finding import FAIL, OK, WARN, Check
from mimictalk.installation_checks import CHECKS


def finding(name: str) -> Check:
    """The finding of that name; all the others ran too."""
    checks = {check.name: check for check in examine()}
    assert len(checks) >= len(CHECKS)
    return checks[name]


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    # Importing mediapipe, cv2 and peft takes seconds; one test below runs the real checks.
    modules = {
        "mediapipe": SimpleNamespace(__version__="0.10.14", __file__="/nowhere/__init__.py"),
        "cv2": SimpleNamespace(__version__="5"),
        "peft": SimpleNamespace(__version__="0.21"),
    }
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)


def test_every_fault_has_a_cure():
    for check in examine():
        assert check.status in (OK, WARN, FAIL)
        assert check.found
        assert bool(check.cure) == (check.status != OK), check


def broken(*_args, **_kwargs):
    raise RuntimeError("broken\non purpose")


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("torch", "torch"),
        ("cv2", "opencv"),
        ("peft", "adapters"),
        ("av", "codecs"),
        ("mediapipe", "mediapipe"),
    ],
)
def test_a_library_that_cannot_be_imported(monkeypatch, module, name):
    monkeypatch.setitem(sys.modules, module, None)
    found = finding(name)
    assert found.status == FAIL
    assert found.found.startswith("ModuleNotFoundError: ")
    assert found.cure


def test_a_library_whose_import_crashes_for_another_reason(monkeypatch):
    monkeypatch.setattr(installation_checks, "CHECKS", (broken,))
    monkeypatch.setattr("mimictalk.doctor.CHECKS", (broken,))
    (found,) = examine()
    assert found == Check("broken", FAIL, "RuntimeError: broken on purpose", found.cure)
    assert found.cure.startswith("pip install ")


def test_an_old_torch(monkeypatch):
    import torch

    monkeypatch.setattr(torch, "__version__", "2.5.1+cpu")
    assert finding("torch") == Check("torch", FAIL, "2.5.1+cpu (CPU build)", "pip install 'torch>=2.10'")


def test_a_processor_without_vector_units(monkeypatch):
    import torch

    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "DEFAULT")
    assert finding("cpu features").status == WARN


def test_a_missing_kernel(monkeypatch):
    real = installation_checks.import_module

    def import_module(name):
        if name == "face3dmm._C":
            raise ImportError("libgomp.so.1: cannot open shared object file")
        return real(name)

    monkeypatch.setattr(installation_checks, "import_module", import_module)
    found = finding("kernels of face3dmm")
    assert found.status == FAIL
    assert "libgomp" in found.found
    assert "face3dmm (needs g++)" in found.cure
    assert finding("kernels of triplane_render").status == OK


def test_a_mediapipe_without_its_networks():
    found = finding("mediapipe")
    assert (found.status, found.found) == (FAIL, "0.10.14 has no face_detection_short_range.tflite")
    assert "mediapipe==0.10.14" in found.cure


def test_a_protobuf_that_mediapipe_cannot_use(monkeypatch):
    monkeypatch.setattr(installation_checks, "NETWORKS", ())
    monkeypatch.setattr(installation_checks, "version", lambda name: "5.29.5")
    found = finding("mediapipe")
    assert (found.status, found.found) == (FAIL, "protobuf 5.29.5 is too new for it")


def test_a_missing_encoder(monkeypatch):
    monkeypatch.setattr(installation_checks, "_has_codec", lambda name, mode: name != "libx264")
    found = finding("codecs")
    assert found.status == FAIL
    assert "has no libx264" in found.found


@pytest.fixture
def weights(tmp_path, monkeypatch):
    """Installed weights of one package, intact."""
    folder = tmp_path / "installed"
    folder.mkdir()
    (folder / "small.safetensors").write_bytes(b"weights")
    sha256 = base_weights.sha256_file(folder / "small.safetensors")
    (folder / "small.json").write_text(json.dumps({"sha256": sha256}))
    files = {"x/small.safetensors": folder / "small.safetensors"}
    monkeypatch.setattr(installation_checks, "weight_files", lambda package: files)
    return folder


def test_intact_weights(weights):
    assert finding("weights of portrait3d").status == OK


def test_damaged_weights(weights):
    (weights / "small.safetensors").write_bytes(b"weighty")
    found = finding("weights of portrait3d")
    assert (found.status, found.found) == (FAIL, "small.safetensors does not match its sha256")


def test_missing_weights(monkeypatch):
    monkeypatch.setattr(installation_checks, "weight_files", lambda package: {})
    assert finding("weights of talk_motion") == Check(
        "weights of talk_motion",
        FAIL,
        "none are installed",
        "pip install --force-reinstall --no-deps talk-motion",
    )


def test_an_old_python(monkeypatch):
    monkeypatch.setattr(installation_checks.sys, "version_info", (3, 10, 1))
    assert finding("python").status == FAIL


def test_the_table_shows_cures_below():
    checks = [Check("python", OK, "3.11"), Check("codecs", FAIL, "no aac", "pip install av")]
    assert table(checks).splitlines() == [
        "ok       python  3.11",
        "FAILED   codecs  no aac",
        "                 cure: pip install av",
        "2 checks, 1 failed",
    ]


@pytest.mark.parametrize(("status", "code"), [(OK, 0), (WARN, 0), (FAIL, 1)])
def test_the_command(cli, monkeypatch, status, code):
    cure = "" if status == OK else "Do it."
    monkeypatch.setattr("mimictalk.doctor.CHECKS", (lambda: [Check("thing", status, "seen", cure)],))
    ran = cli("doctor", "--json")
    assert ran.code == code
    assert ran.json["healthy"] is (code == 0)
    assert ran.json["checks"] == [{"name": "thing", "status": status, "found": "seen", "cure": cure}]
    assert cli("doctor").out.splitlines()[0].split() == [status, "thing", "seen"]
