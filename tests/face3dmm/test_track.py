"""Tracks on disk, gaps, runs."""

import dataclasses
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from face3dmm import FaceCoeffs, FaceTrack, InputError
from face3dmm.track import carried_over, spans


def coeffs(frames: int) -> FaceCoeffs:
    sizes = {"expression": 64, "euler": 3, "translation": 3, "gaze": 2}
    parts = {name: torch.randn(frames, size) for name, size in sizes.items()}
    return FaceCoeffs(identity=torch.randn(80), confidence=torch.rand(frames), **parts)


def track(frames: int = 4) -> FaceTrack:
    return FaceTrack(
        coeffs(frames),
        torch.randn(frames, 478, 3),
        torch.randn(frames, 4),
        "ab" * 32,
        (3, 0, 720),
        ("odd: é",),
        25.0,
        0.08,
    )


def test_long_gaps_cut_a_track_into_segments() -> None:
    one = dataclasses.replace(coeffs(8), confidence=torch.tensor([0, 1, 1, 0.5, 1, 0, 0, 1]))
    assert one.segments == ((1, 5), (7, 8))
    assert dataclasses.replace(one, confidence=torch.zeros(8)).segments == ()


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    saved = track()
    saved.save(tmp_path / "t.safetensors")
    loaded = FaceTrack.load(tmp_path / "t.safetensors")
    for field in dataclasses.fields(FaceTrack):
        if field.name not in ("coeffs", "landmarks", "face_box"):
            assert getattr(loaded, field.name) == getattr(saved, field.name), field.name
    for field in dataclasses.fields(FaceCoeffs):
        assert torch.equal(getattr(loaded.coeffs, field.name), getattr(saved.coeffs, field.name))
    assert torch.equal(loaded.landmarks, saved.landmarks)
    assert torch.equal(loaded.face_box, saved.face_box)
    assert [entry.name for entry in tmp_path.iterdir()] == ["t.safetensors"]


def test_files_that_are_no_track(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    track().save(tmp_path / "good")
    data = (tmp_path / "good").read_bytes()
    (tmp_path / "cut").write_bytes(data[:-100])
    (tmp_path / "text").write_text("hello")
    save_file({"x": torch.zeros(1)}, tmp_path / "other")
    save_file({"x": torch.zeros(1)}, tmp_path / "empty", {"format": "face3dmm.FaceTrack.1"})
    for name in ("cut", "text", "other", "empty", "missing"):
        with pytest.raises(InputError) as caught:
            FaceTrack.load(tmp_path / name)
        assert str(tmp_path / name) in str(caught.value)


def test_shapes_are_checked() -> None:
    good = coeffs(4)
    with pytest.raises(ValueError, match=r"euler must have shape \(4, 3\), got \(3, 3\)"):
        dataclasses.replace(good, euler=torch.zeros(3, 3))
    with pytest.raises(ValueError, match="landmarks must have shape"):
        dataclasses.replace(track(), landmarks=torch.zeros(4, 468, 3))
    with pytest.raises(ValueError, match="face_box must have shape"):
        dataclasses.replace(track(), face_box=torch.zeros(3, 4))


def test_carried_over_by_hand() -> None:
    values = torch.tensor([[9.0], [1.0], [9.0], [9.0], [4.0], [9.0]])
    good = torch.tensor([False, True, False, False, True, False])
    torch.testing.assert_close(
        carried_over(values, good), torch.tensor([[1.0], [1.0], [2.0], [3.0], [4.0], [4.0]])
    )


def test_carried_over_without_anything_to_carry() -> None:
    values = torch.randn(3, 2, 2)
    assert torch.equal(carried_over(values, torch.zeros(3, dtype=torch.bool)), values)
    assert torch.equal(carried_over(values, torch.ones(3, dtype=torch.bool)), values)


@given(st.lists(st.booleans(), max_size=40))
def test_spans_cover_what_is_marked(marked: list[bool]) -> None:
    runs = spans(torch.tensor(marked, dtype=torch.bool))
    again = [False] * len(marked)
    for first, last in runs:
        assert last > first
        again[first:last] = [True] * (last - first)
    assert again == marked
    assert all(last < first for (_, last), (first, _) in pairwise(runs))
