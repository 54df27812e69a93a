"""What happened to a file of weights is told apart, each case in its own sentence."""

import hashlib
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load, save

from mimictalk.weights_listing import IMPORTED, WeightFile, embedded_weights
from mimictalk.weights_verifying import verify

TENSORS = {f"layer{n}.weight": torch.full((4, 4), float(n + 1)) for n in range(6)}


def recorded(path, tensors, name, *, details=True):
    """Write tensors and the record of them."""
    blob = save(tensors)
    path.write_bytes(blob)
    found = WeightFile(name, path, IMPORTED, hashlib.sha256(blob).hexdigest())
    if details:
        digests = {
            key: hashlib.sha256(value.numpy().tobytes()).hexdigest()[:16] for key, value in tensors.items()
        }
        found = replace(found, bytes=len(blob), tensors=digests)
    return found


@pytest.fixture(params=[True, False], ids=["full record", "sha256 only"])
def file(tmp_path, request):
    return recorded(tmp_path / "a.safetensors", TENSORS, "a", details=request.param)


@pytest.fixture
def other(tmp_path):
    tensors = {name: -value for name, value in TENSORS.items()}
    return recorded(tmp_path / "b.safetensors", tensors, "b")


def sentence(file, *known):
    finding = verify([file, *known])[0]
    return finding.intact, finding.sentence


def flip(path, position):
    blob = bytearray(path.read_bytes())
    blob[position] ^= 1
    path.write_bytes(blob)


def test_a_whole_file_is_intact(file):
    size = file.path.stat().st_size
    assert sentence(file) == (True, f"intact ({size:,} bytes)")


def test_a_flipped_bit(file):
    flip(file.path, -1)
    intact, said = sentence(file)
    assert intact is False
    if file.tensors:
        assert said == "bits were changed in 1 of 6 tensors (layer5.weight)"
    else:
        assert "bits were changed (sha256 differs)" in said


def test_a_flipped_bit_between_the_tensors_and_in_their_list(file):
    blob = file.path.read_bytes()
    flip(file.path, blob.index(b"F32"))
    intact, said = sentence(file)
    assert intact is False
    assert "bits were changed" in said
    file.path.write_bytes(blob)
    flip(file.path, 8)  # the opening brace of the list
    assert sentence(file) == (False, "its beginning is damaged: the list of its tensors cannot be read")


@pytest.mark.parametrize("cut", [1, 64, 300])
def test_a_truncated_file(file, cut):
    blob = file.path.read_bytes()
    file.path.write_bytes(blob[:-cut])
    assert sentence(file) == (False, f"it is cut short: {len(blob) - cut:,} of {len(blob):,} bytes")


def test_an_empty_and_a_missing_file(file):
    file.path.write_bytes(b"")
    assert sentence(file) == (False, "it is empty")
    file.path.unlink()
    assert sentence(file) == (False, "it is missing")


def test_a_file_with_something_behind_it(tmp_path):
    file = recorded(tmp_path / "a.safetensors", TENSORS, "a", details=False)
    file.path.write_bytes(file.path.read_bytes() + b"12345")
    assert sentence(file) == (False, "it is longer than what was written: 5 bytes too many")


def test_a_swapped_file_that_is_known_is_named(file, other):
    file.path.write_bytes(other.path.read_bytes())
    assert sentence(file, other) == (False, "another file is in its place: b")


def test_a_swapped_file_that_is_not_known(tmp_path, other):
    file = recorded(tmp_path / "a.safetensors", TENSORS, "a")
    file.path.write_bytes(other.path.read_bytes())
    assert sentence(file) == (False, "another file is in its place: 6 of 6 tensors hold other values")
    tensors = load(other.path.read_bytes())
    file.path.write_bytes(save({f"x{name}": value for name, value in tensors.items()}))
    assert sentence(file) == (False, "another file is in its place: its tensors have other names")


def test_without_a_record_only_the_form_is_judged(file):
    bare = replace(file, sha256=None, bytes=None, tensors={})
    intact, said = sentence(bare)
    assert intact is None
    assert "no sha256 is on record" in said
    flip(file.path, 8)
    assert sentence(bare)[0] is False


@pytest.mark.parametrize("package", ["portrait3d", "talk_motion"])
def test_a_copy_of_embedded_weights_with_a_flipped_bit(tmp_path, package):
    file = next(file for file in embedded_weights() if file.name.startswith(package))
    assert sentence(file)[0] is True
    copy = replace(file, path=tmp_path / "copy.safetensors")
    copy.path.write_bytes(file.path.read_bytes())
    assert sentence(copy)[0] is True
    flip(copy.path, -1)
    intact, said = sentence(copy)
    assert intact is False
    assert "bits were changed" in said
