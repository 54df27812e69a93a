"""The generator of synthetic heads: exact truth, determinism, moving parts, and a detector's verdict."""

from functools import cache

import numpy as np
import pytest
import torch

from face3dmm import ARKIT_NAMES, Camera, FaceModel
from face3dmm.camera import model_to_world
from synthetic_heads import make, sample_batch
from synthetic_heads.batches import Sample, make_clip, person
from synthetic_heads.brush import area
from synthetic_heads.draw import Layer, Mesh, compose, draw_layer
from synthetic_heads.judge import judge
from synthetic_heads.light import Light
from synthetic_heads.mesh import HEAD, TORSO, NormalSum, Tessellation, grid_faces, part
from synthetic_heads.motion import PITCH, ROLL, YAW, blinks, random_frames
from synthetic_heads.person import SyntheticPerson
from synthetic_heads.rendering import HEAD_PIVOT, Poses, random_scene, render
from synthetic_heads.shards import read_shard, write_shard

SIZE = 256
INDEX = {name: number for number, name in enumerate(ARKIT_NAMES)}


@cache
def sample() -> Sample:
    return sample_batch(3, 0, frames=3, size=SIZE)


@cache
def somebody() -> SyntheticPerson:
    return person(sample().person)


def still(size: int = SIZE, **shapes: float):
    """One frontal frame of `somebody` with the given ARKit shapes."""
    expression = np.zeros((1, 64), np.float32)
    for name, value in shapes.items():
        expression[0, INDEX[name]] = value
    scene = random_scene(np.random.default_rng(0), size)
    place = np.array([[0, 0.1, -4.0]], np.float32)

    def drawn(gaze: tuple[float, float] = (0.0, 0.0)):
        return render(
            somebody(), expression, np.zeros((1, 3)), place, np.array([gaze]), scene=scene, size=size
        )

    return drawn


class TestTruth:
    def test_landmarks_are_the_model_seen_by_the_camera(self):
        model, made = FaceModel.open_face(), sample()
        expression = torch.from_numpy(made.motion.expression)
        vertices = model.vertices(torch.from_numpy(made.identity), expression)[:, :468]
        camera = Camera(torch.from_numpy(made.camera_to_world), torch.from_numpy(made.intrinsics))
        uv, _ = camera.project(model_to_world(vertices))
        np.testing.assert_allclose(made.picture.landmarks, uv.numpy() * SIZE, atol=2e-3)

    def test_masks_add_up_and_outside_them_is_the_plate(self):
        picture = sample().picture
        np.testing.assert_array_equal(picture.head + picture.torso, picture.person)
        outside = picture.person == 0
        assert outside.mean() > 0.2
        plates = np.broadcast_to(picture.plate, picture.frames.shape)
        np.testing.assert_array_equal(picture.frames[outside], plates[outside])

    def test_the_face_is_head_and_the_bottom_edge_is_torso(self):
        picture = sample().picture
        for head, torso, points in zip(picture.head, picture.torso, picture.landmarks, strict=True):
            x, y = points[[1, 152, 33, 263, 61, 291]].astype(int).T
            assert (head[y, x] >= 100).all()  # the chin lies on the border
            assert torso[-1].max() == 255
            assert head[-1].max() == 0


class TestDeterminism:
    def test_a_batch_is_a_pure_function_of_seed_and_step(self):
        person.cache_clear()
        again = sample_batch(3, 0, frames=3, size=SIZE)
        np.testing.assert_array_equal(again.picture.frames, sample().picture.frames)
        np.testing.assert_array_equal(again.motion.expression, sample().motion.expression)

    def test_another_step_is_another_person(self):
        other = sample_batch(3, 1, frames=1, size=64)
        assert other.person != sample().person
        assert not np.array_equal(other.identity, sample().identity)

    def test_a_negative_seed_is_named(self):
        with pytest.raises(ValueError, match="-1"):
            SyntheticPerson(-1)


class TestMovingParts:
    def test_eyes_follow_the_gaze_only_while_the_lids_are_open(self):
        def change(**shapes: float) -> float:
            drawn = still(**shapes)
            a, b = drawn((0.0, -0.35)).frames, drawn((0.0, 0.35)).frames
            return float(np.abs(a.astype(float) - b).max())

        assert change() > 60
        assert change(eyeBlinkLeft=1.0, eyeBlinkRight=1.0) < 25

    def test_lower_teeth_go_with_the_jaw_and_upper_teeth_stay(self):
        parts = {p.name: p for p in somebody().solid.parts}
        expression = np.zeros((2, 64), np.float32)
        expression[1, INDEX["jawOpen"]] = 0.6
        drive = somebody().drive(expression, np.zeros((2, 2)))
        upper, lower = parts["upper teeth"].positions(drive), parts["lower teeth"].positions(drive)
        np.testing.assert_array_equal(upper[0], upper[1])
        middle = lower.shape[1] // 4  # the front of the row
        fall, chin = (lower[1] - lower[0])[middle, 1], drive.jaw[1, 1]
        assert chin < -0.1
        assert chin * 1.3 < fall < chin * 0.5

    def test_the_torso_turns_with_a_share_of_the_head_about_the_upper_neck(self):
        poses = Poses(
            np.array([[0, 0.5, 0]], np.float32), np.array([[0.3, 0, -8]], np.float32), lag=0, share=0.3
        )
        points = np.stack([HEAD_PIVOT, np.add(HEAD_PIVOT, [1, 0, 0])])
        head, torso = poses.apply(0, points, np.zeros(2)), poses.apply(0, points, np.ones(2))
        np.testing.assert_allclose(head[0], torso[0], atol=1e-6)
        for posed, angle in ((head, 0.5), (torso, 0.15)):  # a turn to the left takes +x backwards
            np.testing.assert_allclose(posed[1] - posed[0], [np.cos(angle), 0, -np.sin(angle)], atol=1e-6)
        halfway = poses.apply(0, points, np.full(2, 0.5))
        np.testing.assert_allclose(halfway, (head + torso) / 2, atol=1e-6)

    def test_in_a_sequence_the_torso_lags(self):
        euler = np.zeros((9, 3), np.float32)
        place = np.zeros((9, 3), np.float32)
        place[4:, 0] = 1.0
        poses = Poses(euler, place, lag=8, share=0.3)
        path = [poses.apply(t, HEAD_PIVOT[None], np.ones(1))[0, 0] for t in range(9)]
        steps = np.diff(path)
        np.testing.assert_allclose(steps[:3], 0, atol=1e-6)
        np.testing.assert_allclose(steps[3:], 0.75 / 8, atol=1e-6)

    def test_frames_of_unequal_number_are_refused(self):
        scene = random_scene(np.random.default_rng(0), 64)
        with pytest.raises(ValueError, match=r"\[2, 1, 1, 1\]"):
            render(
                somebody(),
                np.zeros((2, 64)),
                np.zeros((1, 3)),
                np.zeros((1, 3)),
                np.zeros((1, 2)),
                scene=scene,
                size=64,
            )


class TestDrawing:
    LIGHT = Light(
        np.ones((128, 128, 3), np.float32), np.zeros((128, 128), np.float32), np.zeros((128, 128), np.float32)
    )

    def layer(self, right: float, label: float):
        """A white square from x = 2 to `right`, y = 2 to 6, before black, on 8 pixels."""
        corners = np.array([[2, 2, 5], [right, 2, 5], [2, 6, 5], [right, 6, 5]], np.float32)
        square = part("square", lambda _: corners[None], grid_faces(2, 2), np.full((4, 2), 10.0), label=label)
        atlas = somebody().atlas.__class__()
        atlas.picture[:] = 255
        atlas.picture[..., 3] = 0
        return draw_layer(
            Mesh([square]), corners, np.tile([0.0, 0, 1], (4, 1)), atlas, self.LIGHT, 8, reduction=1.0
        )

    def test_coverage_and_labels_of_a_square(self):
        layer = self.layer(4.5, TORSO)
        expected = np.zeros((8, 8))
        expected[2:6, 2:4], expected[2:6, 4] = 1, 0.5
        np.testing.assert_allclose(layer.alpha, expected)
        np.testing.assert_allclose(layer.colour, np.repeat(expected[..., None], 3, -1), atol=1e-6)
        assert layer.head.max() == 0

    def test_composition_is_over(self):
        grey = np.full((8, 8, 3), 0.36, np.float32)  # linear; the square root is 0.6
        picture, head, whole = compose(self.layer(4.5, HEAD), self.layer(2, HEAD), grey)
        assert picture[0, 0, 0] == 153
        assert picture[3, 4, 0] == round(255 * np.sqrt(0.5 + 0.18))
        np.testing.assert_array_equal(head, whole)
        assert whole[3, 4] == 128

    def test_what_a_solid_strand_hides_of_a_sheet_lets_no_background_through(self):
        one = np.ones((1, 1), np.float32)
        light = np.ones((1, 1, 3), np.float32)
        depth = np.ones((2, 2), np.float32)
        strand = Layer(0.25 * light, 0.25 * one, 0.25 * one, 0 * one, depth)  # covers one of four samples
        sheet = Layer(0.75 * light, 0.75 * one, 0.75 * one, 0.25 * one, depth)  # opaque on the other three
        picture, head, whole = compose(strand, sheet, 0 * light)
        assert picture.min() == head[0, 0] == whole[0, 0] == 255

    def test_tessellation_lifts_midpoints_towards_the_sphere(self):
        points = np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]], float)
        faces = np.array(
            [[0, 2, 4], [2, 1, 4], [1, 3, 4], [3, 0, 4], [2, 0, 5], [1, 2, 5], [3, 1, 5], [0, 3, 5]]
        )
        np.testing.assert_allclose(NormalSum(faces, 6)(points[None])[0], points, atol=1e-12)
        fine = Tessellation(faces, 6)
        radii = np.linalg.norm(fine.positions(points[None])[0], axis=1)
        np.testing.assert_allclose(radii[:6], 1)
        # (0.5, 0.5) projects on the tangent planes to (1, 0.5) and (0.5, 1): mean 0.75 along both axes.
        middle = 0.5 + 0.25 * Tessellation.LIFT
        np.testing.assert_allclose(radii[6:], middle * np.sqrt(2))
        assert len(fine.faces) == 32

    def test_a_patch_covers_what_the_polygon_covers(self):
        square = np.array([[10, 20], [30, 20], [30, 60], [10, 60]], float)
        patch = area((100, 100), square, 0)
        full = np.zeros((100, 100))
        patch.window(full)[:] = patch.mask
        assert full[25:55, 15:25].min() == 1
        assert 20 * 40 <= full.sum() <= 22 * 42  # OpenCV's polygons hold the pixels that they touch
        assert full[:15].max() == full[:, 40:].max() == 0


class TestMotion:
    def test_poses_and_expressions_stay_in_their_ranges(self):
        motion = random_frames(np.random.default_rng(0), 400)
        assert np.all(np.abs(motion.euler) <= np.array([PITCH, YAW, ROLL]) + 1e-6)
        assert motion.expression[:, :52].min() >= 0
        assert motion.expression[:, :52].max() <= 1
        assert (motion.expression[:, INDEX["eyeBlinkLeft"]] > 0.9).mean() > 0.03
        assert (motion.expression[:, INDEX["jawOpen"]] > 0.25).mean() > 0.1

    def test_blinks_come_about_as_often_as_asked(self):
        closure = blinks(np.random.default_rng(0), 25 * 600, rate=0.3)
        starts = ((closure[1:] >= 0.9) & (closure[:-1] < 0.9)).sum()
        assert 0.15 < starts / 600 < 0.35

    def test_a_clip_follows_the_given_expression_and_moves_smoothly(self):
        expression = np.zeros((6, 64), np.float32)
        expression[:, INDEX["jawOpen"]] = np.linspace(0, 0.5, 6)
        clip = make_clip(5, expression=expression, size=64)
        np.testing.assert_array_equal(
            clip.motion.expression[:, INDEX["jawOpen"]], expression[:, INDEX["jawOpen"]]
        )
        assert np.abs(np.diff(clip.motion.euler, axis=0)).max() < 0.08
        assert clip.picture.frames.shape == (6, 64, 64, 3)


class TestShards:
    def test_round_trip(self, tmp_path):
        made = sample()
        write_shard(tmp_path / "a.safetensors", made, seed=3, step=0)
        back = read_shard(tmp_path / "a.safetensors")
        np.testing.assert_array_equal(back["head"], made.picture.head)
        np.testing.assert_array_equal(back["torso"], made.picture.torso)
        np.testing.assert_array_equal(back["landmarks"], made.picture.landmarks)
        np.testing.assert_array_equal(back["camera_to_world"], made.camera_to_world)
        error = np.mean((back["frames"].astype(float) - made.picture.frames) ** 2)
        assert 10 * np.log10(255**2 / error) > 36
        assert back["facts"] == {
            "person": made.person, "seed": 3, "step": 0, "size": SIZE, "consecutive": False
        }  # fmt: skip
        one = read_shard(tmp_path / "a.safetensors", [2])
        np.testing.assert_array_equal(one["frames"], back["frames"][2:])
        np.testing.assert_array_equal(one["euler"], made.motion.euler[2:])

    def test_make_continues_where_it_was_stopped(self, tmp_path, capsys):
        arguments = ["--frames", "1", "--size", "64", "--out", str(tmp_path), "--seed", "1"]
        assert make.main([*arguments, "--people", "1"]) == 0
        before = (tmp_path / "person_00000.safetensors").stat().st_mtime_ns
        assert make.main([*arguments, "--people", "2"]) == 0
        assert (tmp_path / "person_00000.safetensors").stat().st_mtime_ns == before
        assert sorted(p.name for p in tmp_path.iterdir()) == [
            "person_00000.safetensors",
            "person_00001.safetensors",
        ]
        assert "1 of 2 shards are there" in capsys.readouterr().err

    def test_nonsense_is_refused(self, tmp_path, capsys):
        with pytest.raises(SystemExit):
            make.main(["--out", str(tmp_path), "--part", "2/2"])
        assert "0 <= k < n" in capsys.readouterr().err


def test_a_face_detector_takes_them_for_faces():
    verdict = judge(11, people=4, frames=2)
    assert verdict.found == 1.0
    assert verdict.median_error <= 2.0


@pytest.mark.slow
def test_a_face_detector_takes_a_hundred_people_for_faces():
    verdict = judge(12, people=100, frames=5)
    assert verdict.holds, verdict
