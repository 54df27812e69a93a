"""The fit finds what made the landmarks."""

import numpy as np
import pytest
import torch

from face3dmm import ARKIT_NAMES, FaceModel, FitConfig, fit_landmarks, rotation_from_euler
from face3dmm.detector import LandmarkTracker
from face3dmm.landmarks import eye_opening, face_width, mouth_opening
from face3dmm.video import open_video
from posed_faces import degrees_between, face_motion, landmarks_of

MODEL = FaceModel.open_face()
EXACT = FitConfig(noise=5e-4, at_rest=1.0, steps=(20, 10))  # for landmarks without any error


@pytest.mark.parametrize("seed", [0, 1])
def test_recovers_pose_and_person_from_exact_landmarks(seed: int) -> None:
    truth = face_motion(40, seed)
    found = fit_landmarks(MODEL, landmarks_of(MODEL, truth), config=EXACT)
    assert degrees_between(found.euler, truth.euler).max() <= 0.2
    assert (found.translation - truth.translation).abs().max() <= 0.05
    shape, wanted = (MODEL.identity_basis @ c.identity for c in (found, truth))
    assert (shape - wanted)[:468].norm(dim=-1).mean() <= 0.003  # decimetres
    moved, wanted = (MODEL.vertices(torch.zeros(80), c.expression)[:, :468] for c in (found, truth))
    assert (moved - wanted).norm(dim=-1).mean() <= 0.003


def test_recovers_expressions_of_a_known_person() -> None:
    truth = face_motion(30, 2)
    found = fit_landmarks(MODEL, landmarks_of(MODEL, truth), identity=truth.identity, config=EXACT)
    torch.testing.assert_close(found.identity, truth.identity)
    assert degrees_between(found.euler, truth.euler).max() <= 0.1
    for name in ("jawOpen", "eyeBlinkLeft", "eyeBlinkRight", "mouthFunnel", "browInnerUp"):
        k = ARKIT_NAMES.index(name)
        assert (found.expression[:, k] - truth.expression[:, k]).abs().max() <= 0.05, name


def test_default_settings_stay_near_the_truth() -> None:
    truth = face_motion(50, 3)
    landmarks = landmarks_of(MODEL, truth)
    found = fit_landmarks(MODEL, landmarks)
    again = landmarks_of(MODEL, found)
    away = (again - landmarks)[:, :468, :2].norm(dim=-1).median()
    assert away <= 0.003 * face_width(landmarks).median()
    assert degrees_between(found.euler, truth.euler).max() <= 2.0
    assert (mouth_opening(again[..., :2]) - mouth_opening(landmarks[..., :2])).abs().max() <= 0.01
    named = found.expression[:, : len(ARKIT_NAMES)]
    assert named.min() >= -0.1
    assert named.max() <= 1.2
    rotation = rotation_from_euler(found.euler)
    torch.testing.assert_close(
        rotation @ rotation.transpose(1, 2), torch.eye(3).expand(50, 3, 3), atol=1e-5, rtol=0
    )


@pytest.mark.parametrize("noise", [2e-4, 1e-4])
def test_landmarks_may_be_trusted_to_a_hair(noise: float) -> None:
    for seed in range(6):  # the normal equations are then so steep that float32 may find them indefinite
        truth = face_motion(6, seed, person=1.0)
        found = fit_landmarks(MODEL, landmarks_of(MODEL, truth), config=FitConfig(noise=noise))
        assert degrees_between(found.euler, truth.euler).max() <= 3.0


def test_closed_lips_and_lids_fit_closed() -> None:
    truth = face_motion(40, 4, person=0.5)
    expression = torch.zeros(40, 64)
    for side in ("Left", "Right"):
        expression[10:20, ARKIT_NAMES.index("eyeBlink" + side)] = 1.0
    expression[20:40, ARKIT_NAMES.index("jawOpen")] = 0.4
    expression[30:40, ARKIT_NAMES.index("mouthClose")] = 0.4
    truth = type(truth)(
        truth.identity, expression, truth.euler, truth.translation, truth.gaze, truth.confidence
    )
    landmarks = landmarks_of(MODEL, truth)
    again = landmarks_of(MODEL, fit_landmarks(MODEL, landmarks))
    for measure in (mouth_opening, eye_opening):
        wanted, got = measure(landmarks[..., :2]), measure(again[..., :2])
        assert (got - wanted).abs().max() <= 0.04 * (wanted.max() - wanted.min()) + 0.01, measure.__name__


def test_pose_jitter_is_taken_out_without_delay() -> None:
    truth = face_motion(100, 5)
    noise = torch.randn(
        100, 1, 2, generator=torch.Generator().manual_seed(0)
    )  # the whole face trembles by a pixel
    landmarks = landmarks_of(MODEL, truth)
    landmarks[..., :2] += noise
    smooth = fit_landmarks(MODEL, landmarks, identity=truth.identity)
    loose = FitConfig(turn=10.0, shift=10.0, approach=10.0)
    raw = fit_landmarks(MODEL, landmarks, identity=truth.identity, config=loose)

    def jitter(values: torch.Tensor) -> torch.Tensor:
        return (values[:-2] - 2 * values[1:-1] + values[2:]).std(0)

    assert (jitter(smooth.translation)[:2] < 0.7 * jitter(raw.translation)[:2]).all()
    shifts = [
        (smooth.euler[8:-8] - truth.euler[8 + lag : 100 - 8 + lag]).square().mean()
        for lag in (-2, -1, 0, 1, 2)
    ]
    assert int(torch.stack(shifts).argmin()) == 2


def test_frames_without_a_face_are_bridged() -> None:
    truth = face_motion(40, 6)
    landmarks = landmarks_of(MODEL, truth)
    landmarks[15:19] = float("nan")
    found = fit_landmarks(MODEL, landmarks, identity=truth.identity)
    assert found.confidence.tolist() == [1.0] * 15 + [0.0] * 4 + [1.0] * 21
    assert degrees_between(found.euler, truth.euler)[14:20].max() <= 1.0
    assert all(
        getattr(found, name).isfinite().all() for name in ("expression", "euler", "translation", "gaze")
    )
    wild = landmarks_of(MODEL, truth)
    wild[15:19] = 500 * torch.rand(4, 478, 3, generator=torch.Generator().manual_seed(0))
    again = fit_landmarks(MODEL, wild, identity=truth.identity, confidence=found.confidence)
    assert degrees_between(again.euler, found.euler).max() <= 0.5  # what they show is not looked at


def test_outliers_lose_their_pull() -> None:
    truth = face_motion(20, 7)
    landmarks = landmarks_of(MODEL, truth)
    covered = landmarks.clone()
    covered[:, 205:215, :2] += 40  # ten points of the cheeks
    clean = fit_landmarks(MODEL, landmarks, identity=truth.identity)
    found = fit_landmarks(MODEL, covered, identity=truth.identity)
    assert degrees_between(found.euler, clean.euler).max() <= 1.0


def test_one_picture() -> None:
    truth = face_motion(1, 8, person=0.3)
    landmarks = landmarks_of(MODEL, truth)
    found = fit_landmarks(MODEL, landmarks)
    assert found.expression.shape == (1, 64)
    assert degrees_between(found.euler, truth.euler).max() <= 2.5
    assert (landmarks_of(MODEL, found) - landmarks)[:, :468, :2].norm(dim=-1).median() <= 1.0


def test_size_only_scales() -> None:
    truth = face_motion(5, 9)
    small = fit_landmarks(MODEL, landmarks_of(MODEL, truth, 256), size=256)
    large = fit_landmarks(MODEL, landmarks_of(MODEL, truth, 1024), size=1024)
    torch.testing.assert_close(small.euler, large.euler, atol=2e-3, rtol=0)
    torch.testing.assert_close(small.expression, large.expression, atol=2e-2, rtol=0)


def test_same_input_same_result() -> None:
    landmarks = landmarks_of(MODEL, face_motion(10, 10))
    first, second = fit_landmarks(MODEL, landmarks), fit_landmarks(MODEL, landmarks)
    assert torch.equal(first.expression, second.expression)
    assert torch.equal(first.identity, second.identity)


def test_wrong_shapes() -> None:
    landmarks = landmarks_of(MODEL, face_motion(3, 0))
    with pytest.raises(ValueError, match=r"landmarks must have shape"):
        fit_landmarks(MODEL, landmarks[0])
    with pytest.raises(ValueError, match=r"confidence must have shape \(3,\)"):
        fit_landmarks(MODEL, landmarks, confidence=torch.ones(4))
    with pytest.raises(ValueError, match="no frame has landmarks"):
        fit_landmarks(MODEL, landmarks * float("nan"))


@pytest.mark.parametrize(
    ("setting", "word"),
    [
        ({"noise": 0.0}, "noise"),
        ({"depth": -1.0}, "-1.0"),
        ({"tremble": -0.1}, "tremble must not be negative, got -0.1"),
        ({"steps": (0, 3)}, "steps"),
    ],
)
def test_senseless_settings(setting: dict, word: str) -> None:
    with pytest.raises(ValueError, match=word):
        FitConfig(**setting)


@pytest.mark.parametrize("name", ["ref_m_german_20s", "ref_f_crop512_24s"])
def test_mouth_and_eyes_follow_the_detector(media, name: str) -> None:
    with LandmarkTracker() as tracker:
        seen = [tracker(picture) for picture in open_video(media / f"{name}.mp4", max_seconds=8)]
    landmarks = torch.from_numpy(np.stack([faces[0] for faces in seen]))
    again = landmarks_of(MODEL, fit_landmarks(MODEL, landmarks))

    def correlation(measure) -> float:
        got, wanted = (
            measure(points[..., :2]).reshape(len(points), -1).mean(1) for points in (again, landmarks)
        )
        return float(np.corrcoef(got, wanted)[0, 1])

    assert correlation(mouth_opening) >= 0.97
    assert correlation(eye_opening) >= 0.95
    away = (again - landmarks)[:, :468, :2].norm(dim=-1).median()
    assert away <= 0.01 * face_width(landmarks).median()
