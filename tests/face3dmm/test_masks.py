"""Head, torso, person."""

from pathlib import Path

import numpy as np
import pytest
import scipy.ndimage
import torch

from face3dmm import FaceModel, segment_frames, segment_stream
from face3dmm.detector import LandmarkTracker
from face3dmm.masks import _window_means, _with_neighbours, enlarged, face_area, head_region, refine
from face3dmm.video import open_video
from segmentation_task import write_task

MODEL = FaceModel.open_face()
SIZE = 512


def frontal(
    scale: float = 150.0, centre: tuple[float, float] = (256.0, 256.0), roll: float = 0.0
) -> torch.Tensor:
    """Landmarks (478, 2) of the mean face in the picture, turned by `roll` degrees."""
    x, y, _ = MODEL.mean[MODEL.landmarks_468].unbind(1)
    angle = torch.deg2rad(torch.tensor(roll))
    turned = torch.stack([x * angle.cos() - y * angle.sin(), -(x * angle.sin() + y * angle.cos())], 1)
    points = turned * scale + torch.tensor(centre)
    return torch.cat([points, points[:10]])


def person_picture(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A bright shape on a dark, noisy ground, and the shape (512, 512) in {0, 1}."""
    y, x = np.mgrid[:SIZE, :SIZE]
    shape = ((x - 256) ** 2 + (y - 230) ** 2 < 110**2) | ((y > 360) & (abs(x - 256) < 180))
    noise = np.random.default_rng(seed).integers(0, 12, (SIZE, SIZE, 3))
    return (np.where(shape[..., None], 200, 40) + noise).astype(np.uint8), shape.astype(np.float32)


def test_refining_finds_the_edge_that_a_coarse_matte_missed() -> None:
    picture, shape = person_picture()
    coarse = torch.from_numpy(np.roll(shape, 4, axis=1))[None, None]  # 4 pixels aside, and blurred
    coarse = torch.nn.functional.avg_pool2d(coarse, 9, 1, 4)[0, 0, 1::4, 1::4].numpy()
    unrefined = np.kron(coarse, np.ones((4, 4)))
    fine = refine(coarse, picture)
    assert fine.shape == (SIZE, SIZE)
    assert 0 <= fine.min() <= fine.max() <= 1
    assert np.abs(fine - shape).mean() < 0.5 * np.abs(unrefined - shape).mean()


def test_refining_leaves_certain_areas_alone() -> None:
    picture, _ = person_picture()
    for value in (0.0, 1.0):
        np.testing.assert_allclose(refine(np.full((128, 128), value, np.float32), picture), value, atol=1e-3)


@pytest.mark.parametrize("times", [2, 4])
def test_enlarging_is_bilinear_as_in_torch(times: int) -> None:
    values = np.random.default_rng(0).random((6, 9)).astype(np.float32)
    tensor = torch.from_numpy(values)[None, None]
    wanted = torch.nn.functional.interpolate(tensor, scale_factor=times, mode="bilinear")[0, 0]
    np.testing.assert_allclose(enlarged(values, times), wanted.numpy(), atol=1e-6)


def test_window_means_are_those_of_scipy() -> None:
    values = np.random.default_rng(0).random((3, 9, 12)).astype(np.float32)
    wanted = scipy.ndimage.uniform_filter(values, 5, axes=(1, 2))  # reflects at the rim
    np.testing.assert_allclose(_window_means(values, 2), wanted, atol=1e-6)


def test_face_area_is_the_oval() -> None:
    points = frontal()
    area = face_area(points, SIZE)
    assert area[256, 256]
    x, y = points[152].tolist()  # the chin
    assert area[int(y) - 3, int(x)]
    assert not area[int(y) + 3, int(x)]
    oval = points[MODEL.face_oval]
    around = oval.roll(-1, 0)
    shoelace = float((oval[:, 0] * around[:, 1] - oval[:, 1] * around[:, 0]).sum().abs() / 2)
    assert area.sum() == pytest.approx(shoelace, rel=0.01)


@pytest.mark.parametrize("roll", [0.0, 20.0, -20.0])
def test_head_region_has_hair_and_ears_but_no_shoulders(roll: float) -> None:
    region = head_region(frontal(120.0, roll=roll), SIZE)
    assert region.shape == (SIZE // 4, SIZE // 4)
    angle = np.deg2rad(roll)
    up, right = np.array([-np.sin(angle), -np.cos(angle)]), np.array([np.cos(angle), -np.sin(angle)])

    def at(above: float, aside: float) -> float:
        """Value at face units (120 pixels) from the middle of the face, in the frame of the head."""
        x, y = (256 + 120 * (above * up + aside * right)) / 4
        return float(region[int(y), int(x)])

    assert at(0.0, 0.0) == 1  # face
    assert at(1.3, 0.0) > 0.9  # hair on top
    assert at(0.2, 0.85) > 0.9  # ear
    assert at(0.2, -0.85) > 0.9
    assert at(-1.2, 0.0) == 0  # below the chin
    assert at(-0.75, 0.75) == 0  # neck, beside the jaw
    for aside in (-1.6, 1.6):
        assert at(-1.0, aside) == 0  # shoulders


def test_landmarks_that_are_no_face_give_no_head() -> None:
    assert head_region(torch.zeros(478, 2), SIZE).max() == 0


def test_neighbours_by_hand() -> None:
    seen = [(np.array(k), np.array(10 * k)) for k in range(4)]
    got = [(int(a), int(now[0]), int(now[1]), int(b)) for a, now, b in _with_neighbours(iter(seen))]
    assert got == [(0, 0, 0, 10), (0, 1, 10, 20), (10, 2, 20, 30), (20, 3, 30, 30)]
    assert [tuple(map(int, (a, b))) for a, _, b in _with_neighbours(iter(seen[:1]))] == [(0, 0)]
    assert list(_with_neighbours(iter([]))) == []


def astronaut() -> tuple[np.ndarray, torch.Tensor]:
    picture = pytest.importorskip("skimage.data").astronaut()
    with LandmarkTracker(still=True) as tracker:
        return picture, torch.from_numpy(tracker(picture)[0])


def test_a_photograph() -> None:
    picture, points = astronaut()
    masks = segment_frames([picture, torch.from_numpy(picture)], torch.stack([points, points]))
    assert masks.head.shape == masks.torso.shape == masks.person.shape == (2, 512, 512)
    assert masks.head.dtype == torch.uint8
    assert torch.equal(masks.head.int() + masks.torso.int(), masks.person.int())
    head, torso, person = (mask[0].float().numpy() / 255 for mask in (masks.head, masks.torso, masks.person))
    assert head[100:150, 190:260].mean() > 0.95  # face
    assert head[30:45, 210:240].mean() > 0.9  # hair
    assert torso[300:400, 150:300].mean() > 0.95  # suit
    assert torso[180:190, 215:235].mean() > 0.5  # neck
    assert head[260:].max() == 0
    assert person[:60, 330:400].mean() < 0.05  # the shuttle behind


def test_flicker_of_one_frame_disappears(monkeypatch: pytest.MonkeyPatch) -> None:
    picture, shape = person_picture()
    broken = shape.copy()
    broken[:, 300:] = 0
    nothing = np.zeros_like(shape)
    answers = iter([np.stack([one, nothing])[:, ::2, ::2] for one in (shape, shape, broken, shape, shape)])
    monkeypatch.setattr("face3dmm.detector.PersonSegmenter.__init__", lambda self, thinning: None)
    monkeypatch.setattr("face3dmm.detector.PersonSegmenter.close", lambda self: None)
    monkeypatch.setattr("face3dmm.detector.PersonSegmenter.__call__", lambda self, picture: next(answers))
    landmarks = torch.cat([frontal(), torch.zeros(478, 1)], 1).expand(5, -1, -1)
    persons = [person for _, person in segment_stream([picture] * 5, landmarks)]
    for person in persons[1:]:
        np.testing.assert_array_equal(person, persons[0])


def test_frames_that_do_not_follow_each_other_are_not_steadied(monkeypatch: pytest.MonkeyPatch) -> None:
    picture, shape = person_picture()
    gone = np.zeros_like(shape)
    answers = [np.stack([one, gone])[:, ::2, ::2] for one in (shape, shape, gone, shape, shape)]
    monkeypatch.setattr("face3dmm.detector.PersonSegmenter.__init__", lambda self, thinning: None)
    monkeypatch.setattr("face3dmm.detector.PersonSegmenter.close", lambda self: None)
    landmarks = torch.cat([frontal(), torch.zeros(478, 1)], 1).expand(5, -1, -1)
    for numbers, person_stays in (([3, 4, 5, 6, 7], True), ([3, 4, 9, 15, 16], False)):
        stream = iter(answers)
        monkeypatch.setattr(
            "face3dmm.detector.PersonSegmenter.__call__", lambda self, picture, stream=stream: next(stream)
        )
        masks = segment_frames([picture] * 5, landmarks, numbers=numbers)
        assert bool(masks.person[2].any()) is person_stays
        assert masks.person[[0, 1, 3, 4]].flatten(1).any(1).all()


def test_a_task_file_tells_the_body_from_the_head(tmp_path: Path) -> None:
    points = torch.cat([frontal(), torch.zeros(478, 1)], 1)[None]
    colours = {"background": (0, 0, 250), "face-skin": (250, 160, 120), "clothes": (0, 200, 0)}
    write_task(tmp_path / "task.tflite", colours)
    picture = np.full((SIZE, SIZE, 3), colours["background"], np.uint8)
    picture[100:420, 120:392] = colours["face-skin"]
    picture[330:, 60:450] = colours["clothes"]  # a scarf up to the mouth
    masks = segment_frames([picture], points, task=tmp_path / "task.tflite")
    head, torso = masks.head[0].numpy(), masks.torso[0].numpy()
    assert head[200:310, 200:310].min() > 250
    assert head[345:].max() == 0  # by the landmarks alone the chin would be head
    assert torso[345:, 80:430].min() > 250
    assert masks.person[0, :80].max() == 0


def test_counts_must_agree() -> None:
    picture, points = astronaut()
    with pytest.raises(ValueError, match="shorter|longer"):
        segment_frames([picture], torch.stack([points, points]))
    with pytest.raises(ValueError, match="no frames"):
        segment_frames([], torch.zeros(0, 478, 3))


@pytest.mark.parametrize(
    ("name", "hair", "collar"),  # pixels seen in frame 0: (x, y) of hair on top, of shirt or bare shoulder
    [("ref_m_german_20s", (256, 60), (210, 400)), ("ref_m_french_50s", (290, 80), (200, 450)),
     ("ref_f_crop512_24s", (250, 90), (150, 470)), ("ref_m_synthetic_15s", (250, 40), (420, 490))],
)  # fmt: skip
def test_clips(media, name: str, hair: tuple[int, int], collar: tuple[int, int]) -> None:
    pictures = list(open_video(media / f"{name}.mp4", max_seconds=0.4))
    with LandmarkTracker() as tracker:
        landmarks = torch.from_numpy(np.stack([tracker(picture)[0] for picture in pictures]))
    masks = segment_frames(pictures, landmarks)
    assert masks.head[0, hair[1], hair[0]] > 200
    assert masks.torso[0, collar[1], collar[0]] > 200
    jumps = (masks.person[1:].float() - masks.person[:-1].float()).abs().mean()
    assert jumps < 6  # of 255: no flicker
