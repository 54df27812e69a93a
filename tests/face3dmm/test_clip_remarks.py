"""What is said of odd clips."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from posed_faces import face_motion, landmarks_of

from face3dmm import FaceModel, InputError
from face3dmm.clip_remarks import check_identity, check_moving, check_seen, remarks, shape_distance
from face3dmm.detector import FaceBox
from face3dmm.survey import Person, Survey

MODEL = FaceModel.open_face()
FRAMES = 100
READER: Any = SimpleNamespace(path="clip.mp4", fps=25.0, warnings=["said by the reader"])


def person(x: float = 256, side: float = 240) -> Person:
    box = FaceBox(x - side / 2, 100, x + side / 2, 100 + side, 0.9)
    return Person([0, 5, 10], [box] * 3)


def survey(
    changes: np.ndarray | None = None, *, brightness: float = 120, side: float = 240, others: int = 0
) -> Survey:
    changes = np.full(FRAMES, 1.0) if changes is None else changes
    return Survey(
        person(side=side), tuple(person(x=400) for _ in range(others)), (0, 0, 512), changes, brightness
    )


def talking(seed: int = 0) -> torch.Tensor:
    points = torch.zeros(FRAMES, 478, 3)
    points[:, 263, 0] = 100
    points[:, [88, 14, 318], 1] = 20 * torch.rand(FRAMES, 1, generator=torch.Generator().manual_seed(seed))
    return points


ALL = torch.ones(FRAMES, dtype=torch.bool)


def said(
    found: Survey,
    landmarks: torch.Tensor,
    seen: torch.Tensor = ALL,
    confidence: torch.Tensor | None = None,
) -> list[str]:
    """Remarks beyond those of the reader."""
    return remarks(READER, found, landmarks, seen, seen.float() if confidence is None else confidence)[1:]


def test_an_ordinary_clip_gets_no_remark_but_the_readers() -> None:
    assert said(survey(), talking()) == []
    assert remarks(READER, survey(), talking(), ALL, ALL.float()) == ["said by the reader"]


def test_remarks() -> None:
    assert "2 faces are in the picture: the left one is followed" in said(survey(others=1), talking())
    assert any("face is small (100 pixels)" in text for text in said(survey(side=100), talking()))
    assert any("dark" in text for text in said(survey(brightness=16), talking()))
    assert any(
        "mouth hardly moves" in text for text in said(survey(), torch.rand(1, 478, 3).expand(FRAMES, -1, -1))
    )


def test_gaps_are_told_with_their_times() -> None:
    seen = ALL.clone()
    seen[25:50] = seen[60:62] = False
    confidence = seen.float()
    confidence[60:62] = 0.5
    (text,) = said(survey(), talking(), seen, confidence)
    assert "no face is seen from 1.0 to 2.0 s:" in text


def test_frozen_parts() -> None:
    changes = np.full(FRAMES, 1.0)
    changes[10:40] = 0
    changes[60:65] = 0  # short: nothing to say
    assert said(survey(changes), talking()) == ["the picture is frozen from 0.4 to 1.6 s"]


def test_a_still_picture_is_refused() -> None:
    check_moving(READER, survey())
    with pytest.raises(InputError, match="still picture"):
        check_moving(READER, survey(np.zeros(FRAMES)))


def test_a_face_that_is_mostly_missing_is_refused() -> None:
    check_seen(READER, ALL)
    seen = ALL.clone()
    seen[20:80] = False
    with pytest.raises(InputError, match=r"no face is seen in 60% of it \(from 0.8 to 3.2 s\)"):
        check_seen(READER, seen)
    with pytest.raises(InputError, match="no face could be followed"):
        check_seen(READER, ~ALL)


def test_shape_distance_ignores_place_size_and_turn() -> None:
    shape = MODEL.mean[:468]
    turn = torch.linalg.qr(torch.randn(3, 3, generator=torch.Generator().manual_seed(0)))[0]
    assert shape_distance(shape, 2 * shape @ (turn * torch.det(turn)).T + 5) < 1e-4
    other = shape.clone()
    other[:, 0] *= 1.1
    assert shape_distance(shape, other) > 0.01


def two_people(first: int, second: int, scale: float) -> torch.Tensor:
    parts = [face_motion(FRAMES // 2, seed, person=scale) for seed in (first, second)]
    return torch.cat([landmarks_of(MODEL, part) for part in parts])


def cut_at(frame: int) -> Survey:
    changes = np.full(FRAMES, 1.0)
    changes[frame] = 60.0
    return survey(changes)


def test_another_person_after_a_cut_is_refused() -> None:
    with pytest.raises(InputError, match=r"from 2.0 s on another person is shown"):
        check_identity(READER, MODEL, two_people(1, 2, 1.5), ALL, cut_at(50))


def test_the_same_person_after_a_cut_is_not() -> None:
    assert check_identity(READER, MODEL, two_people(1, 1, 1.0), ALL, cut_at(50)) == ""


def test_without_a_cut_nobody_is_compared() -> None:
    assert check_identity(READER, MODEL, two_people(1, 2, 1.5), ALL, survey()) == ""
