"""Visemes: each mouth is itself, mixtures are mixtures, files are what was written."""

import json
from pathlib import Path

import pytest
import torch

from talk_motion import InputError, MotionSequence
from talk_motion.visemes import VISEMES, Visemes, viseme_mouths, visemes_of


def motion_of(weights: torch.Tensor) -> MotionSequence:
    expression = torch.nn.functional.pad(weights, (0, 12))
    zero = torch.zeros(len(weights), 3)
    return MotionSequence.from_tracking(expression, zero, zero, zero[:, :2])


def test_every_viseme_is_found_in_its_own_mouth() -> None:
    found = visemes_of(motion_of(viseme_mouths())).weights
    assert found.argmax(dim=1).tolist() == list(range(15))
    torch.testing.assert_close(found.sum(dim=1), torch.ones(15))
    # The mouth that the weights make is near the mouth that was given.
    torch.testing.assert_close(found @ viseme_mouths(), viseme_mouths(), rtol=0, atol=0.12)


def test_a_mouth_that_opens_goes_from_silence_to_aa_without_a_jump() -> None:
    opening = torch.linspace(0, 1, 51)[:, None] * viseme_mouths()[VISEMES.index("aa")]
    weights = visemes_of(motion_of(opening)).weights
    assert int(weights[0].argmax()) == VISEMES.index("sil")
    assert int(weights[-1].argmax()) == VISEMES.index("aa")
    assert weights.diff(dim=0).abs().max() < 0.25
    jaw = (weights @ viseme_mouths())[:, 17]
    assert (jaw.diff() > -0.01).all()


def test_somebody_who_mumbles_has_visemes_too() -> None:
    weights = visemes_of(motion_of(viseme_mouths() / 3)).weights
    assert sorted(set(weights.argmax(dim=1).tolist())) == list(range(15))
    trembling = 0.01 * torch.rand(50, 52, generator=torch.Generator().manual_seed(0))
    assert (visemes_of(motion_of(trembling)).weights.argmax(dim=1) == 0).all()


def test_the_resting_face_is_silence() -> None:
    rest = torch.zeros(64)
    rest[[23, 24]] = 0.4
    face = motion_of(rest[:52].repeat(3, 1))
    assert visemes_of(face, rest).weights.argmax(dim=1).tolist() == [0] * 3
    assert visemes_of(face).weights[:, 0].max() < 0.3


def test_a_file_is_read_back_and_its_track_has_no_holes(tmp_path: Path) -> None:
    weights = torch.rand(50, 15, generator=torch.Generator().manual_seed(0))
    weights[10:20, 3] = 3.0
    visemes = Visemes(weights / weights.sum(dim=1, keepdim=True))
    visemes.save(tmp_path / "a.json")
    found = Visemes.load(tmp_path / "a.json")
    torch.testing.assert_close(found.weights, visemes.weights, rtol=0, atol=5.1e-5)
    content = json.loads((tmp_path / "a.json").read_text())
    assert content["visemes"] == list(VISEMES)
    assert content["duration"] == 2.0
    track = content["track"]
    assert track[0]["start"] == 0.0
    assert track[-1]["end"] == 2.0
    assert all(a["end"] == b["start"] for a, b in zip(track[:-1], track[1:], strict=True))
    assert any(s["viseme"] == "TH" and s["start"] <= 0.4 and s["end"] >= 0.8 for s in track)


def test_files_that_are_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no readable JSON"):
        Visemes.load(tmp_path / "missing.json")
    for text, words in (
        ("{", "no readable JSON"),
        ('{"format": "x"}', "format"),
        ("[]", "format"),
        (
            '{"format": "talk_motion.Visemes.1", "fps": 25, "visemes": ["sil"], "weights": []}',
            "other visemes",
        ),
    ):
        (tmp_path / "b.json").write_text(text)
        with pytest.raises(InputError, match=words):
            Visemes.load(tmp_path / "b.json")
    with pytest.raises(ValueError, match="shape"):
        Visemes(torch.zeros(3, 4))
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        Visemes(torch.full((1, 15), float("nan")))
