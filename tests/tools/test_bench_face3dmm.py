"""The bench of face3dmm: its reference recipe fits, its measures measure, its answer has the agreed form."""

import json

import pytest
import torch

import bench.face3dmm
from bench.figures import figure, report
from bench.published_fit import PublishedRecipe, fit_published, laplacian
from bench.synthetic_truth import SyntheticClip, judge
from bench.track_quality import (
    accelerations,
    best_lag,
    correlation,
    landmark_errors,
    projected,
    rms,
    still_frames,
)
from face3dmm import FaceModel, FaceTrack
from posed_faces import face_motion, landmarks_of

MODEL = FaceModel.open_face()


def test_reference_recipe_lowers_its_loss_and_nears_the_landmarks():
    marks = landmarks_of(MODEL, face_motion(6, 3))
    recipe = PublishedRecipe(pose_steps=30, joint_steps=30, late_steps=1)
    fit = fit_published(MODEL, marks, recipe=recipe)
    assert len(fit.losses) == 60
    assert fit.losses[29] < 0.2 * fit.losses[0]
    assert fit.losses[-1] < 0.5 * fit.losses[29]
    wrong = face_motion(6, 3).__class__(torch.zeros(80), torch.zeros(6, 64), torch.zeros(6, 3), torch.zeros(6, 3),
                                        torch.zeros(6, 2), torch.ones(6))  # fmt: skip
    before, after = (landmark_errors(projected(MODEL, c), marks)["all"] for c in (wrong, fit.coeffs))
    assert after < 0.1 * before


def test_laplacian_is_a_quarter_of_the_squared_second_difference():
    values = torch.tensor([[0.0], [0.0], [2.0], [0.0], [0.0]])
    # Second differences 0, 2, -4, 2, 0, each halved and squared: 0, 1, 4, 1, 0.
    assert float(laplacian(values)) == pytest.approx(6 / 5)


def test_recipe_rejects_what_is_no_recipe():
    with pytest.raises(ValueError, match="rate=-1"):
        PublishedRecipe(rate=-1)
    with pytest.raises(ValueError, match="joint_steps=-2"):
        PublishedRecipe(joint_steps=-2)


def test_a_resting_head_is_still_and_a_nodding_one_is_not():
    motion = face_motion(60, 1)
    motion.euler[:], motion.translation[:] = 0, torch.tensor([0.0, 0.0, -4.0])
    resting = landmarks_of(MODEL, motion)
    assert bool(still_frames(resting).all())
    # 2.5 nods a second, up and down by 3 pixels.
    motion.translation[30:, 1] = 0.02 * torch.sin(torch.arange(30) * 2 * torch.pi * 2.5 / 25)
    nodding = still_frames(landmarks_of(MODEL, motion))
    assert bool(nodding[:20].all()) and not bool(nodding[40:55].any())


def test_jitter_of_white_noise_is_known():
    noise = torch.randn(4000, 3, 2, generator=torch.Generator().manual_seed(0)) * 0.5
    # Var(a - 2 b + c) = 6 sigma^2 on each of two axes.
    assert rms(accelerations(noise, torch.ones(4000, dtype=torch.bool))) == pytest.approx(
        0.5 * 12**0.5, rel=0.03
    )
    marked = torch.zeros(4000, dtype=torch.bool)
    marked[10:13] = True
    assert accelerations(noise, marked).shape == (1, 3)


def test_lag_is_found_with_its_sign():
    curve = torch.randn(200, generator=torch.Generator().manual_seed(1)).cumsum(0)
    late = torch.cat([curve[:1].expand(3), curve[:-3]])
    assert best_lag(curve, late) == 3 and best_lag(late, curve) == -3 and best_lag(curve, curve) == 0
    assert correlation(curve, late, 3) == pytest.approx(1.0, abs=1e-5)


def test_a_perfect_detector_gives_small_errors_on_known_truth():
    motion = face_motion(30, 5, person=0.5)
    marks = landmarks_of(MODEL, motion)
    errors = judge(MODEL, [SyntheticClip(motion, marks[:, :468, :2], marks, 512)])
    assert errors.missed == 0 and len(errors.rotation) == 30
    assert float(errors.steady_rotation.mean()) < 0.3  # the identity leaves a constant turn undecided
    assert float(errors.detected_mouth.max()) < 1e-5 and float(errors.mouth.mean()) < 0.03


def test_a_wrong_pose_is_measured_in_degrees(monkeypatch):
    motion = face_motion(10, 5)
    turned = landmarks_of(MODEL, motion)
    shifted = motion.__class__(motion.identity, motion.expression, motion.euler + torch.tensor([0.0, 0.0, 0.05]),
                               motion.translation, motion.gaze, motion.confidence)  # fmt: skip
    monkeypatch.setattr("bench.synthetic_truth.fit_landmarks", lambda *_: shifted)
    errors = judge(MODEL, [SyntheticClip(motion, turned[:, :468, :2], turned, 512)])
    expected = torch.full((10,), 0.05).rad2deg()
    torch.testing.assert_close(errors.rotation, expected, rtol=1e-3, atol=1e-3)  # roll turns about one axis
    assert float(errors.steady_rotation.mean()) < 1.0


def test_the_answer_is_one_line_of_json_and_holds_is_computed(tmp_path, capsys):
    found = [
        figure("a", 2.0, "x", goal=3.0),
        figure("b", 2.0, "px", goal=3.0, most=True),
        figure("c", None, "x", goal=1.0, reason="nothing to measure"),
    ]
    report("face3dmm", 7, found, tmp_path / "kept.json")
    answer = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert answer == json.loads((tmp_path / "kept.json").read_text())
    assert set(answer) == {"area", "machine", "commit", "seed", "figures"}
    assert [one["holds"] for one in answer["figures"]] == [False, True, None]
    assert answer["figures"][2]["value"] is None and answer["figures"][2]["reason"] == "nothing to measure"
    with pytest.raises(ValueError, match="either a value or a reason"):
        figure("d", None, "x")


def test_a_figure_of_too_few_still_frames_has_a_reason(monkeypatch):
    motion = face_motion(20, 2)  # turns all the time
    marks = landmarks_of(MODEL, motion)
    track = FaceTrack(motion, marks, torch.zeros(20, 4), "", (0, 0, 512))
    found = {one["name"]: one for one in bench.face3dmm.course_figures(MODEL, {"clip": track})}
    assert found["jitter/rigid"]["value"] is None and "still in" in found["jitter/rigid"]["reason"]
    assert found["clip/lips_correlation"]["holds"] and found["clip/lips_lag"]["value"] == 0
