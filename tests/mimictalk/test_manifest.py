"""avatar.json: every flipped bit, wrong field and newer schema is refused in words."""

import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimictalk.errors import AvatarError
from mimictalk.manifest import FileEntry, Manifest, sha256_file

SUBJECT = Path("me/avatar.json")
MANIFEST = Manifest(
    preset="small",
    seed=7,
    steps=20,
    tool="mimictalk test",
    created="2026-11-21T00:00:00+00:00",
    base_weights={"portrait3d/data/small.safetensors": "ab" * 32},
    source={"name": "réf 名.mp4", "sha256": "cd" * 32},
    consent={"statement": "I agree.", "recorded": "2026-11-21T00:00:00+00:00"},
    meta={"loss": 0.5},
    files={"identity.safetensors": FileEntry("ef" * 32, 123)},
)
TEXT = MANIFEST.to_json()


def rewritten(**changes: object) -> bytes:
    """The manifest with fields changed and the checksum made right again."""
    content = json.loads(TEXT)
    content.pop("sha256")
    content.update(changes)
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    content["sha256"] = hashlib.sha256(canonical.encode()).hexdigest()
    return (json.dumps(content, indent=2, ensure_ascii=False, sort_keys=True) + "\n").encode()


def test_round_trip():
    assert Manifest.from_json(TEXT, SUBJECT) == MANIFEST


@given(st.integers(0, len(TEXT) * 8 - 1))
def test_every_flipped_bit_is_noticed(bit):
    damaged = bytearray(TEXT)
    damaged[bit // 8] ^= 1 << bit % 8
    with pytest.raises(AvatarError):
        Manifest.from_json(bytes(damaged), SUBJECT)


@given(st.integers(0, len(TEXT) - 2))
def test_every_truncation_is_noticed(length):
    with pytest.raises(AvatarError):
        Manifest.from_json(TEXT[:length], SUBJECT)


@given(st.binary(max_size=200))
def test_any_bytes_give_an_avatar_error(content):
    with pytest.raises(AvatarError):
        Manifest.from_json(content, SUBJECT)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "me/avatar.json: it is not readable JSON: the file is damaged\n"),
        (b"[" * 100_000, "me/avatar.json: it is not readable JSON: the file is damaged\n"),
        (b"[1]", "me/avatar.json: it does not describe a mimictalk avatar\n"),
        (b'{"kind": "x"}', "me/avatar.json: it does not describe a mimictalk avatar\n"),
        (rewritten(schema=2), "me/avatar.json: the avatar has schema 2; this version reads up to 1\n"),
        (TEXT.replace(b'"seed": 7', b'"seed": 8'), "me/avatar.json: its checksum does not match"),
        (rewritten(surprise=1), "me/avatar.json: a field is wrong: "),
        (rewritten(files={"../x": {"sha256": "0" * 64, "bytes": 1}}), "a file of an avatar cannot be named"),
        (
            rewritten(files={"x": {"sha256": "0", "bytes": 1}}),
            "64 hexadecimal digits, got '0'",
        ),
        (
            rewritten(files={"x": {"sha256": "0" * 64, "bytes": -1}}),
            "a whole number >= 0, got -1",
        ),
        (rewritten(files=[]), "a field is wrong"),
    ],
)
def test_each_fault_has_its_own_words(content, message):
    with pytest.raises(AvatarError) as caught:
        Manifest.from_json(content, SUBJECT)
    assert message in str(caught.value)
    assert caught.value.cure


@pytest.mark.parametrize("name", ["a/b", "a\\b", "..", ".", "", "avatar.json", "/etc/x", "a\0b"])
def test_only_plain_file_names(name):
    with pytest.raises(ValueError, match="cannot be named"):
        Manifest(**{**vars(MANIFEST), "files": {name: FileEntry("0" * 64, 1)}})


def test_sha256_of_a_file(tmp_path):
    (tmp_path / "abc").write_bytes(b"abc")  # the example of FIPS 180-2
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert sha256_file(tmp_path / "abc") == expected
