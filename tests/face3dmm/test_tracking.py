"""From a file to a track."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch
from numbered_clips import write_clip
from posed_faces import landmarks_of

from face3dmm import FaceModel, FaceTrack, InputError, read_crops, track_image, track_video
from face3dmm.landmarks import face_width, mouth_opening
from face3dmm.tracking import face_boxes, gap_confidence

skimage_data = pytest.importorskip("skimage.data")
MODEL = FaceModel.open_face()


def portrait(shift: int = 0) -> np.ndarray:
    """The astronaut's head, enlarged, 400 x 400."""
    index = (np.arange(400) * 0.55).astype(int)
    return skimage_data.astronaut()[np.ix_(10 + index, 110 + shift + index)]


@pytest.fixture(scope="module")
def panned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """30 frames of a slow pan; the face is hidden in frames 10 to 13."""
    pictures = [portrait(k // 3) for k in range(30)]
    for k in range(10, 14):
        pictures[k] = np.full_like(pictures[k], 128)
    path = tmp_path_factory.mktemp("clip") / "panned.mp4"
    return write_clip(path, pictures, [k / 25 for k in range(30)])


@pytest.fixture(scope="module")
def track(panned: Path) -> FaceTrack:
    return track_video(panned)


def test_a_clip_becomes_a_track(track: FaceTrack, panned: Path) -> None:
    assert len(track) == 30
    assert track.crop == (0, 0, 400)
    assert track.source_hash == hashlib.sha256(panned.read_bytes()).hexdigest()
    assert (track.fps, track.start) == (25.0, 0.0)
    assert track.landmarks.isfinite().all()
    assert all(
        getattr(track.coeffs, name).isfinite().all()
        for name in ("expression", "euler", "translation", "gaze")
    )
    again = landmarks_of(MODEL, track.coeffs)
    away = (again - track.landmarks)[:, :468, :2].norm(dim=-1).median()
    assert away < 0.012 * face_width(track.landmarks).median()


def test_a_short_gap_is_bridged(track: FaceTrack) -> None:
    confidence = track.coeffs.confidence
    missing = (confidence < 1).nonzero().flatten().tolist()
    assert missing[0] in (10, 11)
    assert 3 <= len(missing) <= 8  # the detector needs a moment to find the face again
    assert set(confidence[missing].tolist()) == {0.5}
    steps = track.landmarks[1:, 1, :2] - track.landmarks[:-1, 1, :2]
    assert steps.norm(dim=-1).max() < 8  # pixels: nothing jumps


def test_landmarks_move_with_the_picture(track: FaceTrack) -> None:
    # One source pixel in three frames, enlarged by 1 / 0.55 and by 512 / 400, to the left.
    speed = -(1 / 3) / 0.55 * 512 / 400
    moved = track.landmarks[-1, :468, 0].mean() - track.landmarks[0, :468, 0].mean()
    assert float(moved) == pytest.approx(29 * speed, abs=4)


def test_warnings_are_words(track: FaceTrack) -> None:
    assert any("mouth hardly moves" in text for text in track.warnings)


def test_crops_are_the_frames_that_were_tracked(track: FaceTrack, panned: Path) -> None:
    crops = list(read_crops(panned, track.crop))
    assert len(crops) == len(track)
    assert crops[0].shape == (512, 512, 3)
    x, y = track.landmarks[0, 1, :2].round().int().tolist()  # the tip of the nose is skin, not suit or flag
    red, green, blue = crops[0][y, x].astype(int)
    assert red > green > blue


def test_progress_and_max_seconds(panned: Path) -> None:
    calls: list[tuple[str, int, int]] = []
    threads = torch.get_num_threads()
    track = track_video(
        panned, max_seconds=1.0, progress=lambda stage, done, total, facts: calls.append((stage, done, total))
    )
    assert len(track) == 25
    assert torch.get_num_threads() == threads  # the fit's one thread is the fit's alone
    for stage in ("find the face", "follow the face"):
        done = [done for name, done, _ in calls if name == stage]
        assert done == list(range(1, 26))
    assert {total for _, _, total in calls} == {25}


def test_a_known_person_is_kept(panned: Path, track: FaceTrack) -> None:
    identity = 0.5 * torch.ones(80)
    again = track_video(panned, identity=identity)
    assert torch.equal(again.coeffs.identity, identity)
    assert not torch.equal(track.coeffs.identity, identity)


def test_too_short(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", [portrait(k) for k in range(5)], [k / 25 for k in range(5)])
    with pytest.raises(InputError, match=r"too short: 0.20 s"):
        track_video(path)


def test_a_still_picture_as_clip(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", [portrait()] * 30, [k / 25 for k in range(30)])
    with pytest.raises(InputError, match="still picture"):
        track_video(path)


def test_one_picture() -> None:
    picture = portrait()
    track = track_image(picture)
    assert len(track) == 1
    assert track.crop == (0, 0, 400)
    again = landmarks_of(MODEL, track.coeffs)
    assert (again - track.landmarks)[:, :468, :2].norm(dim=-1).median() < 0.012 * face_width(track.landmarks)[
        0
    ]
    assert track.coeffs.euler.abs().max() < 0.7


def test_pictures_that_do_not_serve() -> None:
    with pytest.raises(InputError, match="no face"):
        track_image(np.zeros((128, 128, 3), np.uint8))
    for wrong in (np.zeros((128, 100, 3), np.uint8), np.zeros((128, 128), np.uint8), np.zeros((128, 128, 3))):
        with pytest.raises(ValueError, match="square"):
            track_image(wrong)


def test_confidence_of_gaps_by_hand() -> None:
    seen = torch.tensor([1, 0, 0, 1, 0, 0, 0, 1, 0], dtype=torch.bool)
    assert gap_confidence(seen, 2).tolist() == [1, 0.5, 0.5, 1, 0, 0, 0, 1, 0.5]


def test_face_box_by_hand() -> None:
    points = torch.zeros(1, 478, 3)
    points[0, 3], points[0, 7] = torch.tensor([5.0, -2, 9]), torch.tensor([-1.0, 8, 9])
    points[0, 470] = 100  # the iris is no part of the mesh
    assert face_boxes(points).tolist() == [[-1, -2, 5, 8]]


def test_a_landscape_clip_is_cropped_like_by_hand(media) -> None:
    """The hand-made crop is 720 x 720 at x = 200; its mouth moves as in ours."""
    ours = track_video(media / "ref_f_landscape_24s.mp4", max_seconds=5)
    hand = track_video(media / "ref_f_crop512_24s.mp4", max_seconds=5)
    assert ours.crop[1:] == (0, 720)
    assert ours.crop[0] == pytest.approx(200, abs=25)
    shift = (ours.crop[0] - 200) * 512 / 720
    moved = ours.landmarks[:, :468, :2] + torch.tensor([shift, 0.0])
    assert (moved - hand.landmarks[:, :468, :2]).norm(dim=-1).median() < 1.0
    first, second = (mouth_opening(landmarks_of(MODEL, one.coeffs)[..., :2]) for one in (ours, hand))
    assert np.corrcoef(first, second)[0, 1] > 0.97


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["ref_m_german_20s", "ref_m_french_50s", "ref_f_crop512_24s", "ref_m_synthetic_15s"]
)
def test_whole_reference_clips(media, name: str) -> None:
    track = track_video(media / f"{name}.mp4")
    assert track.crop == (0, 0, 512)
    assert track.warnings == ()
    again = landmarks_of(MODEL, track.coeffs)
    opening, wanted = mouth_opening(again[..., :2]), mouth_opening(track.landmarks[..., :2])
    assert np.corrcoef(opening, wanted)[0, 1] >= 0.99
    assert (track.coeffs.confidence == 1).all()
