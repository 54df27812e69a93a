"""The smoother takes trembling out, follows movement, delays nothing."""

import numpy as np
import pytest
import torch
from torch import Tensor

from face3dmm import ARKIT_NAMES, FaceModel, FitConfig, fit_landmarks
from face3dmm.fit_steadying import movement, steadied, without_trembling
from face3dmm.fit_terms import Unknowns
from face3dmm.landmarks import LIPS, mouth_opening
from posed_faces import face_motion, landmarks_of

MODEL = FaceModel.open_face()
ONE = torch.ones(1)


def bends(values: Tensor) -> Tensor:
    return values[2:] - 2 * values[1:-1] + values[:-2]


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_a_still_curve_is_the_solution_of_whittakers_equation() -> None:
    values, bend = noise(30, 1), 0.5
    second = torch.from_numpy(np.diff(np.eye(30), 2, axis=0)).float()
    wanted = torch.linalg.solve(torch.eye(30) + (0.3 / bend) ** 2 * second.T @ second, values)
    torch.testing.assert_close(steadied(values, 0.3 * ONE, bend * ONE, torch.zeros(30)), wanted)


def test_straight_lines_stay_and_time_has_no_direction() -> None:
    line = 0.1 * torch.arange(40.0)[:, None] - 1
    torch.testing.assert_close(steadied(line, ONE, 1e-3 * ONE, torch.zeros(40)), line, atol=1e-5, rtol=0)
    values, freedom = 0.1 * noise(40, 2), torch.linspace(0, 3, 40)
    error, bend = torch.tensor([1.0, 2.0]), torch.tensor([0.01, 0.02])
    backwards = steadied(values.flip(0), error, bend, freedom.flip(0)).flip(0)
    torch.testing.assert_close(steadied(values, error, bend, freedom), backwards)


def test_a_nod_that_is_free_keeps_its_depth() -> None:
    time = torch.arange(75.0)
    nod = 0.1 * torch.exp(-(((time - 37) / 4) ** 2))[:, None]
    held, free = (steadied(nod, 3e-3 * ONE, 2e-4 * ONE, torch.full((75,), freedom)) for freedom in (0.0, 9.0))
    assert held.max() < 0.97 * nod.max()
    assert (free - nod).abs().max() <= 0.01 * nod.max()
    assert int(free.argmax()) == 37


def test_movement_by_hand() -> None:
    pose = torch.zeros(200, 6)
    pose[:, 5] = noise(200)  # along the line of sight: not counted
    assert movement(pose).max() == 0
    pose[:, 0] = 0.1 * torch.sin(2 * torch.pi * torch.arange(200.0) / 10)  # 0.1 / sqrt(2), low-passed
    wanted = 0.1 / 2**0.5 * float(np.exp(-((2 * np.pi / 10 * 1.5) ** 2) / 2))
    assert movement(pose)[40:160].mean() == pytest.approx(wanted, rel=0.02)


def test_only_pose_and_slow_shapes_are_smoothed() -> None:
    at = Unknowns(1e-3 * noise(60, 6), 0.02 * noise(60, 64, seed=1), torch.zeros(80))
    out = without_trembling(at, 0.3 * 0.007, len(ARKIT_NAMES))
    assert (bends(out.pose).std(0) < 0.2 * bends(at.pose).std(0)).all()
    for k, name in enumerate(ARKIT_NAMES):
        same = torch.equal(out.expression[:, k], at.expression[:, k])
        assert same == name.startswith(("jaw", "mouth", "eye", "cheek", "tongue")), name
    nameless = without_trembling(at, 0.3 * 0.007, 0)
    assert torch.equal(nameless.expression, at.expression)
    assert torch.equal(nameless.pose, out.pose)


def test_trembling_of_a_still_head_goes_and_the_lips_stay() -> None:
    truth = face_motion(80, 5)
    still = type(truth)(
        truth.identity, truth.expression, 0 * truth.euler, truth.translation[:1].expand(80, 3), *(
            truth.gaze, truth.confidence)
    )  # fmt: skip
    landmarks = landmarks_of(MODEL, still)
    landmarks[..., :2] += 0.4 * noise(80, 1, 2)  # all landmarks together
    raw, steady = (
        fit_landmarks(MODEL, landmarks, identity=truth.identity, config=FitConfig(tremble=tremble))
        for tremble in (0.0, 0.3)
    )
    assert bends(steady.translation[:, :2]).std() < bends(raw.translation[:, :2]).std() / 3
    jaw = ARKIT_NAMES.index("jawOpen")
    assert torch.equal(steady.expression[:, jaw], raw.expression[:, jaw])
    before, after = (landmarks_of(MODEL, one)[..., :2] for one in (raw, steady))
    openings = torch.stack([mouth_opening(before), mouth_opening(after)])
    assert (openings[1] - openings[0]).abs().max() <= 0.02 * (openings[0].max() - openings[0].min())
    error = [(one - landmarks[..., :2])[:, list(LIPS)].norm(dim=-1).mean() for one in (before, after)]
    assert error[1] <= error[0] + 0.1  # pixels
