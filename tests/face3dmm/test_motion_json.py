"""JSON and .npz of a clip's coefficients: every bit comes back, and nothing else is taken for one."""

import io
import json
import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from face3dmm import ARKIT_NAMES, FaceCoeffs, InputError
from face3dmm.motion_json import (
    FORMAT,
    FaceMotion,
    read_motion_json,
    read_motion_npz,
    write_motion_json,
    write_motion_npz,
)

ARRAYS = ("identity", "expression", "euler", "translation", "gaze", "confidence")
KINDS = [(write_motion_json, read_motion_json, "m.json"), (write_motion_npz, read_motion_npz, "m.npz")]


def motion(frames: int = 3, seed: int = 0) -> FaceMotion:
    source = torch.Generator().manual_seed(seed)
    sizes = {
        "expression": (frames, 64),
        "euler": (frames, 3),
        "translation": (frames, 3),
        "gaze": (frames, 2),
    }
    parts = {name: torch.randn(size, generator=source) for name, size in sizes.items()}
    coeffs = FaceCoeffs(identity=torch.randn(80, generator=source), confidence=torch.rand(frames), **parts)
    return FaceMotion(coeffs, 29.97, 0.08)


def plain() -> dict[str, Any]:
    """A file of two frames as anyone would write it by hand."""
    return {
        "format": "face3dmm.FaceMotion.1",
        "fps": 25,
        "start": 0,
        "identity": [0] * 80,
        "expression": [[0] * 17 + [0.4] + [0] * 46] * 2,
        "euler": [[0.1, 0.2, 0.3]] * 2,
        "translation": [[0, 0, -3]] * 2,
        "gaze": [[0, 0.5]] * 2,
        "confidence": [1, 1],
    }


def as_json(content: object) -> bytes:
    return json.dumps(content).encode()


def as_npz(content: dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **content)
    return buffer.getvalue()


@pytest.mark.parametrize(("write", "read", "name"), KINDS)
@given(st.integers(1, 5), st.integers(0, 1000))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_bit_comes_back(
    tmp_path: Path,
    write: Callable[..., None],
    read: Callable[..., FaceMotion],
    name: str,
    frames: int,
    seed: int,
) -> None:
    sent = motion(frames, seed)
    write(tmp_path / name, sent)
    found = read(tmp_path / name)
    assert (found.fps, found.start) == (29.97, 0.08)
    for part in ARRAYS:
        assert torch.equal(getattr(found.coeffs, part), getattr(sent.coeffs, part)), part
    assert [entry.name for entry in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize(("read", "dump"), [(read_motion_json, as_json), (read_motion_npz, as_npz)])
def test_a_file_written_by_hand(
    tmp_path: Path, read: Callable[..., FaceMotion], dump: Callable[..., bytes]
) -> None:
    (tmp_path / "m").write_bytes(dump(plain()))
    found = read(tmp_path / "m")
    assert found.fps == 25 and found.start == 0 and len(found.coeffs) == 2
    assert found.coeffs.expression[:, ARKIT_NAMES.index("jawOpen")].tolist() == pytest.approx([0.4, 0.4])
    assert found.coeffs.expression.sum() == pytest.approx(0.8)
    assert found.coeffs.gaze[1].tolist() == pytest.approx([0, 0.5])


def test_json_is_plain_json_with_names(tmp_path: Path) -> None:
    write_motion_json(tmp_path / "m.json", motion())
    content = json.loads((tmp_path / "m.json").read_text())
    assert content["format"] == FORMAT == plain()["format"]
    assert content["arkit_names"] == list(ARKIT_NAMES)
    assert set(plain()) <= set(content)


def test_npz_is_plain_numpy(tmp_path: Path) -> None:
    sent = motion()
    write_motion_npz(tmp_path / "m.npz", sent)
    with np.load(tmp_path / "m.npz", allow_pickle=False) as archive:
        assert archive["expression"] == pytest.approx(sent.coeffs.expression.numpy(), abs=0)
        assert archive["arkit_names"].tolist() == list(ARKIT_NAMES)


WRONG = [
    ({"format": "face3dmm.FaceTrack.1"}, "its format is 'face3dmm.FaceTrack.1'"),
    ({"euler": [[0, 0]] * 2}, "euler must have shape (2, 3), got (2, 2)"),
    ({"expression": [], "euler": []}, "expression"),
    ({"gaze": [[0, float("nan")]] * 2}, "gaze is not finite"),
    ({"translation": [[0, 0, 1e300]] * 2}, "translation is"),
    ({"fps": 0}, "fps must be positive"),
    ({"start": float("inf")}, "start must be a number"),
    ({"fps": "fast"}, "fps is no array of numbers"),
    ({"identity": ["a"] * 80}, "identity is no array of numbers"),
]


@pytest.mark.parametrize(("read", "dump"), [(read_motion_json, as_json), (read_motion_npz, as_npz)])
@pytest.mark.parametrize(("change", "words"), WRONG)
def test_wrong_content_is_named(
    tmp_path: Path, read: Any, dump: Any, change: dict[str, Any], words: str
) -> None:
    (tmp_path / "m").write_bytes(dump(plain() | change))
    with pytest.raises(InputError, match=re.escape(words)) as caught:
        read(tmp_path / "m")
    assert len(str(caught.value).splitlines()) <= 3


@pytest.mark.parametrize(("read", "dump"), [(read_motion_json, as_json), (read_motion_npz, as_npz)])
def test_what_is_missing_is_named(tmp_path: Path, read: Any, dump: Any) -> None:
    for name in ("fps", *ARRAYS):
        content = plain()
        del content[name]
        (tmp_path / "m").write_bytes(dump(content))
        with pytest.raises(InputError, match=f"it lacks {name}"):
            read(tmp_path / "m")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "line 1 is no JSON"),
        (b'{\n"format":\n}', "line 3 is no JSON"),
        (b"[1]", "no JSON object"),
        (b"\xff\xfe", "no JSON text"),
        (b"[" * 100_000, "no JSON text"),
        (b'{"fps": ' + b"9" * 5000 + b"}", "no JSON text"),
    ],
)
def test_files_that_are_no_json(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "m.json").write_bytes(content)
    with pytest.raises(InputError, match=words):
        read_motion_json(tmp_path / "m.json")


def test_files_that_are_no_npz(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = as_npz(plain())
    buffer = io.BytesIO()
    np.savez(buffer, **(plain() | {"euler": np.array([print], dtype=object)}))  # would run code if unpickled
    for content in (b"", b"PK", whole[:-30], pickle.dumps({}), buffer.getvalue()):
        (tmp_path / "m.npz").write_bytes(content)
        with pytest.raises(InputError, match="it is no numpy .npz file"):
            read_motion_npz(tmp_path / "m.npz")
    np.savez_compressed(tmp_path / "m.npz", euler=np.zeros(20_000))
    monkeypatch.setattr("face3dmm.motion_json.MAX_BYTES", 100_000)
    with pytest.raises(InputError, match="unpacks to more than"):
        read_motion_npz(tmp_path / "m.npz")
    monkeypatch.setattr("face3dmm.motion_json.MAX_BYTES", 10)
    for _, read, _ in KINDS:
        with pytest.raises(InputError, match="larger than"):
            read(tmp_path / "m.npz")
        with pytest.raises(InputError, match="cannot be read"):
            read(tmp_path / "none")


json_like = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(("fps", *ARRAYS)), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(st.binary(max_size=200) | json_like.map(as_json) | st.dictionaries(st.sampled_from(("fps", "start", *ARRAYS)), json_like, max_size=3).map(lambda change: as_json(plain() | change)))  # fmt: skip
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_json_is_a_motion_or_told_what_is_wrong(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "m").write_bytes(content)
    for _, read, _ in KINDS:
        try:
            found = read(tmp_path / "m")
        except InputError:
            continue
        assert len(found.coeffs) and bool(found.coeffs.expression.isfinite().all())


@given(st.data())
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_damaged_npz_is_a_motion_or_told_what_is_wrong(tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(as_npz(plain()))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    (tmp_path / "m").write_bytes(bytes(content))
    try:
        found = read_motion_npz(tmp_path / "m")
    except InputError:
        return
    assert len(found.coeffs) == 2


def test_bad_motions_are_refused() -> None:
    with pytest.raises(ValueError, match="there is no frame"):
        FaceMotion(motion(0).coeffs)
    with pytest.raises(ValueError, match="fps must be positive, got -1"):
        FaceMotion(motion(1).coeffs, -1)
    with pytest.raises(ValueError, match="start must be a number, got nan"):
        FaceMotion(motion(1).coeffs, 25.0, float("nan"))
