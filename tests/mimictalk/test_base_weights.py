"""Weights are found in installed packages and named by their sha256."""

import hashlib
import sys

from mimictalk.base_weights import weight_files
from mimictalk.manifest import sha256_file


def test_weights_of_a_package_are_found(tmp_path, monkeypatch):
    data = tmp_path / "some_package" / "data"
    data.mkdir(parents=True)
    (tmp_path / "some_package" / "__init__.py").write_text("")
    (data / "small.safetensors").write_bytes(b"abc")
    (data / "small.json").write_text("{}")
    monkeypatch.syspath_prepend(tmp_path)
    found = weight_files("some_package")
    assert list(found) == ["some_package/data/small.safetensors"]
    assert sha256_file(found["some_package/data/small.safetensors"]) == hashlib.sha256(b"abc").hexdigest()
    assert "some_package" not in sys.modules


def test_a_package_that_is_not_installed_has_none():
    assert weight_files("no_such_package_anywhere") == {}


def test_the_open_face_is_among_them():
    assert "face3dmm/data/open_face.safetensors" in weight_files("face3dmm")
