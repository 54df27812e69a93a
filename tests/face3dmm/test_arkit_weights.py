"""ARKit weights: names mean what they say, sides mirror, nothing leaves [0, 1], and the way back."""

import dataclasses
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import lsq_linear
from torch import Tensor

from face3dmm import ARKIT_NAMES, Camera, FaceCoeffs, FaceModel, track_video
from face3dmm.arkit import mirrored_name
from face3dmm.arkit_weights import (
    FULL_LOOK_SIDE,
    ArkitMotion,
    ArkitSolve,
    arkit_motion,
    coeffs_from_arkit,
    gaze_from_look,
    look_weights,
    solve_box,
)

OPEN = FaceModel.open_face()
MIRROR = [ARKIT_NAMES.index(mirrored_name(name)) for name in ARKIT_NAMES]


def clip(expression: Tensor, gaze: Tensor | None = None) -> FaceCoeffs:
    count = len(expression)
    gaze = torch.zeros(count, 2) if gaze is None else gaze
    return FaceCoeffs(
        torch.zeros(80), expression, torch.zeros(count, 3), torch.zeros(count, 3), gaze, torch.ones(count)
    )


def expression(**weights: float) -> Tensor:
    row = torch.zeros(1, 64)
    for name, weight in weights.items():
        row[0, ARKIT_NAMES.index(name)] = weight
    return row


def nameless() -> tuple[FaceModel, Tensor]:
    """The open face in other words: bigger, turned, expressions mixed by an orthogonal matrix (returned)."""
    mix = torch.linalg.qr(torch.randn(64, 64, generator=torch.Generator().manual_seed(3)))[0]
    angle = torch.tensor(0.1)
    turn = torch.eye(3)
    turn[1:, 1:] = torch.stack(
        [torch.stack([angle.cos(), -angle.sin()]), torch.stack([angle.sin(), angle.cos()])]
    )
    model = dataclasses.replace(
        OPEN,
        mean=1.3 * OPEN.mean @ turn.T + 0.5,
        expression_basis=1.3 * torch.einsum("ij,vjk->vik", turn, OPEN.expression_basis) @ mix,
        named=torch.tensor(0),
    )
    return model, mix


def pixels(coeffs: FaceCoeffs) -> Tensor:
    vertices = OPEN.vertices(coeffs.identity, coeffs.expression)[:, OPEN.landmarks_468]
    camera = Camera.from_head_pose(coeffs.euler, coeffs.translation)
    return camera.project(camera.model_to_world(vertices))[0] * 512


def test_what_a_model_names_is_exported_as_named() -> None:
    weights = arkit_motion(OPEN, clip(expression(jawOpen=0.4, mouthSmileLeft=0.3))).weights
    assert weights[0, ARKIT_NAMES.index("jawOpen")] == pytest.approx(0.4, abs=1e-4)
    assert weights[0, ARKIT_NAMES.index("mouthSmileLeft")] == pytest.approx(0.3, abs=1e-4)
    assert weights.sum() == pytest.approx(0.7, abs=1e-3)


@given(st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_weights_stay_in_the_box_and_move_landmarks_less_than_clipping_does(seed: int) -> None:
    source = torch.Generator().manual_seed(seed)
    given_ = clip(torch.randn(4, 64, generator=source), 0.3 * torch.randn(4, 2, generator=source))
    motion = arkit_motion(OPEN, given_, config=ArkitSolve(change=0.0, distance=1e-3))
    assert float(motion.weights.min()) >= 0 and float(motion.weights.max()) <= 1
    clipped = given_.expression.clone()
    clipped[:, :52] = clipped[:, :52].clamp(0, 1)
    clipped[:, 52:] = 0
    clipped[:, [i for i, n in enumerate(ARKIT_NAMES) if n.startswith("eyeLook")]] = motion.weights[
        :, [i for i, n in enumerate(ARKIT_NAMES) if n.startswith("eyeLook")]
    ]
    truth = pixels(given_)
    solved = pixels(coeffs_from_arkit(OPEN, motion))
    simple = pixels(dataclasses.replace(given_, expression=clipped))
    assert (solved - truth).square().mean() < (simple - truth).square().mean()


@pytest.mark.parametrize("nameless_model", [False, True])
def test_a_mirrored_motion_has_mirrored_weights(nameless_model: bool) -> None:
    source = torch.Generator().manual_seed(1)
    named = torch.rand(5, 52, generator=source) * (torch.rand(5, 52, generator=source) < 0.3)
    gaze = 0.2 * torch.randn(5, 2, generator=source)
    both = torch.cat([named, named[:, MIRROR]]), torch.cat([gaze, gaze * torch.tensor([1.0, -1.0])])
    full = torch.nn.functional.pad(both[0], (0, 12))
    model, mix = nameless() if nameless_model else (OPEN, torch.eye(64))
    config = ArkitSolve(change=0.0, steps=20_000, tolerance=1e-7)
    weights = arkit_motion(model, clip(full @ mix, both[1]), config=config).weights
    # The open face itself is symmetric to about a hundredth of its movements.
    assert (weights[:5] - weights[5:][:, MIRROR]).abs().max() < 0.02


def test_a_model_without_names_says_what_the_same_face_says_with_names() -> None:
    model, mix = nameless()
    jaw = torch.cat([expression(jawOpen=x) for x in np.linspace(0, 0.8, 30)])
    wink = torch.cat([expression(eyeBlinkLeft=x) for x in np.linspace(0, 1, 30)])
    for name, moving in (("jawOpen", jaw), ("eyeBlinkLeft", wink)):
        weights = arkit_motion(model, clip(moving @ mix)).weights
        index = ARKIT_NAMES.index(name)
        assert (weights[:, index] - moving[:, index]).abs().max() < 0.08
        others = [i for i in range(52) if i != index]
        assert weights[:, others].max() < 0.15
        back = coeffs_from_arkit(model, arkit_motion(model, clip(moving @ mix))).expression @ mix.T
        gap = pixels(clip(back)) - pixels(clip(moving))
        assert gap.norm(dim=-1).square().mean().sqrt() < 0.5


def test_price_of_change_smooths_what_data_do_not_tell() -> None:
    model, mix = nameless()
    source = torch.Generator().manual_seed(2)
    noisy = torch.nn.functional.pad(0.4 + 0.05 * torch.randn(60, 52, generator=source), (0, 12)) @ mix
    rough, smooth = (
        arkit_motion(model, clip(noisy), config=ArkitSolve(change=change)).weights.diff(dim=0).square().sum()
        for change in (0.0, 1.0)
    )
    assert smooth < 0.5 * rough


def test_the_price_of_one_side_shares_what_landmarks_do_not_tell() -> None:
    # Puffed cheeks and the tongue move few landmarks; two equal columns of a problem are told apart by nothing.
    both = np.array([[1.0, 1.0], [1.0, 1.0]])
    unequal = np.array([[1.0, -1.0], [-1.0, 1.0]])
    curvature, target = both + 0.1 * unequal + 1e-6 * np.eye(2), np.array([[1.0, 1.0]])
    found = solve_box(curvature, target, np.zeros((1, 2)), np.ones((1, 2)), ArkitSolve())
    assert found[0] == pytest.approx([0.5, 0.5], abs=1e-3)


@given(st.integers(0, 1000))
@settings(max_examples=25, deadline=None)
def test_the_solver_finds_what_scipy_finds(seed: int) -> None:
    random = np.random.default_rng(seed)
    shapes, wanted = random.normal(size=(30, 12)), random.normal(size=(4, 30))
    low, high = np.full((4, 12), -0.2), np.full((4, 12), 0.3)
    config = ArkitSolve(change=0.0, steps=5000, tolerance=1e-9)
    found = solve_box(shapes.T @ shapes, wanted @ shapes, low, high, config)
    for row, goal in zip(found, wanted, strict=True):
        assert row == pytest.approx(lsq_linear(shapes, goal, (-0.2, 0.3), tol=1e-12).x, abs=1e-4)


def test_the_solver_couples_frames_exactly() -> None:
    # One unknown, three frames, box far away: (1 + D^T D) x = g.
    chain = np.array([[2.0, -1, 0], [-1, 3, -1], [0, -1, 2]])
    target, far = np.array([[1.0], [-2], [0.5]]), np.full((3, 1), 9.0)
    found = solve_box(np.eye(1), target, -far, far, ArkitSolve(change=1.0, tolerance=1e-9))
    assert found == pytest.approx(np.linalg.solve(chain, target), abs=1e-6)


def test_eyes_look_where_the_gaze_goes() -> None:
    def named(pitch: float, yaw: float) -> dict[str, float]:
        found = look_weights(np.array([[pitch, yaw]]))
        return {ARKIT_NAMES[index]: float(weight[0]) for index, weight in found.items() if weight[0] > 0}

    left = {"eyeLookOutLeft": 0.5, "eyeLookInRight": 0.5}
    assert named(0.0, FULL_LOOK_SIDE / 2) == pytest.approx(left)
    assert set(named(0.0, -0.1)) == {"eyeLookInLeft", "eyeLookOutRight"}
    assert set(named(0.1, 0.0)) == {"eyeLookDownLeft", "eyeLookDownRight"}
    assert set(named(-0.1, 0.0)) == {"eyeLookUpLeft", "eyeLookUpRight"}
    assert set(named(9.0, 9.0).values()) == {1.0}
    gaze = torch.tensor([[0.2, -0.3], [-0.4, 0.5]])
    weights = arkit_motion(OPEN, clip(torch.zeros(2, 64), gaze)).weights
    assert gaze_from_look(weights.double().numpy()) == pytest.approx(gaze.numpy(), abs=1e-6)


def test_import_is_exact_for_named_models() -> None:
    source = torch.Generator().manual_seed(5)
    motion = ArkitMotion(torch.rand(6, 52, generator=source), torch.rand(6, 3), torch.rand(6, 2), 30.0)
    person = torch.randn(80, generator=source)
    coeffs = coeffs_from_arkit(OPEN, motion, person, torch.tensor([0.1, 0.2, -3.0]))
    assert torch.equal(coeffs.expression[:, :52], motion.weights)
    assert torch.equal(coeffs.expression[:, 52:], torch.zeros(6, 12))
    assert torch.equal(coeffs.identity, person) and torch.equal(coeffs.euler, motion.euler)
    assert torch.equal(coeffs.gaze, motion.gaze)
    assert torch.equal(coeffs.translation, torch.tensor([[0.1, 0.2, -3.0]]).expand(6, 3))
    assert torch.equal(coeffs_from_arkit(OPEN, motion).identity, torch.zeros(80))


def test_500_frames_take_less_than_a_second() -> None:
    source = torch.Generator().manual_seed(6)
    long = clip(0.5 * torch.randn(500, 64, generator=source), 0.1 * torch.randn(500, 2, generator=source))
    for model in (OPEN, nameless()[0]):
        begin = time.process_time()
        arkit_motion(model, long)
        assert time.process_time() - begin < 2.0  # a second on one quiet core; tests share theirs


@pytest.mark.parametrize(
    ("name", "value"), [("distance", 0.0), ("gap", -1.0), ("change", float("nan")), ("steps", 0)]
)
def test_bad_prices_are_quoted(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{name} must be positive, got {value}"):
        ArkitSolve(**{name: value})


def test_bad_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"weights must have shape \(3, 52\), got \(3, 51\)"):
        ArkitMotion(torch.zeros(3, 51), torch.zeros(3, 3), torch.zeros(3, 2))
    with pytest.raises(ValueError, match="fps must be positive, got 0"):
        ArkitMotion(torch.zeros(3, 52), torch.zeros(3, 3), torch.zeros(3, 2), 0)


def test_a_real_clip_keeps_its_landmarks(media: Path) -> None:
    coeffs = track_video(media / "ref_m_synthetic_15s.mp4", max_seconds=3).coeffs
    motion = arkit_motion(OPEN, coeffs)
    back = coeffs_from_arkit(OPEN, motion, coeffs.identity, coeffs.translation)
    distance = (pixels(back) - pixels(coeffs)).norm(dim=-1)
    assert distance.square().mean().sqrt() <= 0.5
