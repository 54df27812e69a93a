"""How far a head turns and which mouths a clip shows, on motions that are known."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from face3dmm import FaceCoeffs
from mimictalk.motion_check import SHAPES, judge_motion, judge_mouth, judge_pose, mouth_shapes
from talk_motion.visemes import VISEMES, viseme_mouths


def track(frames: int, expression: torch.Tensor | None = None, yaw: torch.Tensor | None = None):
    euler = torch.zeros(frames, 3)
    euler[:, 1] = torch.deg2rad(torch.linspace(-10, 10, frames) if yaw is None else yaw)
    coeffs = FaceCoeffs(
        identity=torch.zeros(80),
        expression=torch.zeros(frames, 64) if expression is None else expression,
        euler=euler,
        translation=torch.zeros(frames, 3),
        gaze=torch.zeros(frames, 2),
        confidence=torch.ones(frames),
    )
    return SimpleNamespace(coeffs=coeffs, fps=25.0)


def saying(*visemes: str, frames: int = 10) -> torch.Tensor:
    """(T, 64) with each viseme's own mouth for some frames."""
    mouths = viseme_mouths()[[VISEMES.index(name) for name in visemes]]
    return torch.nn.functional.pad(mouths, (0, 12)).repeat_interleave(frames, 0)


def test_every_shape_is_recognised():
    spoken = saying("sil", "PP", "FF", "E", "ou", "aa")
    assert mouth_shapes(track(60, spoken)) == {
        "closed": 20, "teeth on lip": 10, "wide": 10, "round": 10, "open": 20,
    }  # fmt: skip
    assert judge_mouth(track(60, spoken)).grade == "go"


@pytest.mark.parametrize(
    ("left", "missing"), [("FF", "teeth on lip"), ("ou", "round"), ("aa", "open"), ("ih", "wide")]
)
def test_what_is_missing_is_told_with_what_to_say(left, missing):
    spoken = [name for name in ("sil", "FF", "ih", "ou", "aa") if name != left]
    found = judge_mouth(track(40, saying(*spoken)))
    assert found.grade == "warn"
    assert f"hardly any mouth that is {missing} (" in found.found
    assert found.cure == f'Say also, clearly: "{SHAPES[missing][1]}".'


def test_frames_that_were_not_seen_do_not_count():
    seen = track(20, saying("FF", "aa"))
    seen.coeffs.confidence[:10] = 0
    assert mouth_shapes(seen)["teeth on lip"] == 0


@pytest.mark.parametrize(
    ("low", "high", "grade", "words"),
    [
        (-10, 10, "go", "turns from -10 to 10"),
        (-1, 1, "warn", "hardly turns"),
        (20, 40, "warn", "turned away"),
        (-70, -40, "no-go", "from the side"),
    ],
)
def test_pose(low, high, grade, words):
    found = judge_pose(track(101, yaw=torch.linspace(low, high, 101)))
    assert found.grade == grade
    assert words in found.found
    assert np.isclose(found.numbers["yaw_to"], high - 0.02 * (high - low), atol=0.1)


def test_a_short_clip_is_not_blamed_for_what_it_cannot_show():
    still = track(50, yaw=torch.zeros(50))
    assert [one.grade for one in judge_motion(still, long_enough=False)] == ["go"]
    assert [one.grade for one in judge_motion(still)] == ["warn", "warn"]
