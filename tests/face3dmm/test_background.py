"""The plate behind a person, and the torso behind the head."""

import numpy as np
import pytest
import torch
from scipy.ndimage import maximum_filter

from face3dmm import BackgroundPlate, extend_torso, fill_background
from face3dmm.background import SAMPLES, flow_in

SIZE = 96


def scenery() -> np.ndarray:
    y, x = np.mgrid[:SIZE, :SIZE]
    return np.stack([2 * x, 2 * y, 255 - x - y], -1).astype(np.uint8)


def walk(count: int, travel: int) -> tuple[np.ndarray, np.ndarray]:
    """A red block 20 pixels wide that crosses the scenery, and its masks."""
    frames, masks = np.stack([scenery()] * count), np.zeros((count, SIZE, SIZE), np.uint8)
    for k in range(count):
        left = 10 + round(travel * k / max(count - 1, 1))
        masks[k, 30:90, left : left + 20] = 255
        frames[k][masks[k] > 0] = (255, 0, 0)
    return frames, masks


def test_what_is_ever_seen_is_exact() -> None:
    frames, masks = walk(30, 50)
    plate = fill_background(torch.from_numpy(frames), torch.from_numpy(masks))
    assert plate.shape == (SIZE, SIZE, 3)
    assert plate.dtype == torch.uint8
    np.testing.assert_array_equal(plate.numpy(), scenery())


def test_soft_edges_do_not_colour_the_plate() -> None:
    frames, masks = walk(30, 50)
    for frame, mask in zip(
        frames, masks, strict=True
    ):  # the person's colour reaches 3 pixels beyond the mask
        frame[maximum_filter(mask, 7) > 0] = (255, 0, 0)
    plate = fill_background(frames, masks).numpy()
    assert np.abs(plate.astype(int) - scenery()).max() <= 1


def test_something_that_passes_by_is_not_background() -> None:
    frames, masks = walk(31, 50)
    frames[:6, 5:20, 70:90] = 0  # a bird in a fifth of the frames
    assert np.abs(fill_background(frames, masks).numpy().astype(int) - scenery()).max() <= 1


def test_what_is_never_seen_flows_in_smoothly() -> None:
    frames, masks = walk(10, 0)
    plate = fill_background(frames, masks).numpy().astype(int)
    hidden = masks[0] > 0
    assert np.abs(plate[~hidden] - scenery()[~hidden]).max() <= 45  # pixels near the person are not trusted
    assert np.abs(plate[:20] - scenery()[:20]).max() == 0
    assert np.abs(plate[hidden] - scenery()[hidden]).mean() < 25
    assert np.abs(plate[hidden] - (255, 0, 0)).mean() > 60  # nothing of the person
    assert np.abs(np.diff(plate, axis=1)).max() < 25


def test_a_long_clip_takes_no_more_memory() -> None:
    frames, masks = walk(30, 50)
    plate = BackgroundPlate()
    for k in range(1000):
        plate.add(frames[k % 30], masks[k % 30])
        assert len(plate._pictures) < 2 * SAMPLES
    np.testing.assert_array_equal(plate.plate(), scenery())


def test_nothing_known_is_grey() -> None:
    frames = np.zeros((3, SIZE, SIZE, 3), np.uint8)
    plate = fill_background(frames, np.full((3, SIZE, SIZE), 255, np.uint8))
    assert set(plate.unique().tolist()) <= {127, 128}


def test_counts_must_agree() -> None:
    frames, masks = walk(3, 10)
    with pytest.raises(ValueError, match="shorter|longer"):
        fill_background(frames, masks[:2])
    with pytest.raises(ValueError, match="no frames"):
        fill_background([], [])


def test_flow_in_keeps_what_is_known() -> None:
    picture = scenery().astype(np.float32)
    known = np.ones((SIZE, SIZE), bool)
    known[40:50, 40:50] = False
    filled = flow_in(np.where(known[..., None], picture, 0), known)
    np.testing.assert_array_equal(filled[known], picture[known])
    assert np.abs(filled[~known] - picture[~known]).max() < 15  # a small hole in a smooth ramp


def bust() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Frame, torso and head masks: a skin-coloured disc above a blue block with a skin-coloured neck."""
    frame = np.full((SIZE, SIZE, 3), 200, np.uint8)
    y, x = np.mgrid[:SIZE, :SIZE]
    head = (x - 48) ** 2 + (y - 30) ** 2 < 22**2
    torso = ((y > 62) | ((y > 40) & (abs(x - 48) < 10))) & ~head
    frame[(y > 62)] = (20, 20, 160)
    frame[(y <= 62) & torso] = (190, 140, 110)
    frame[head] = (255, 0, 255)  # an unlikely colour, to be found again
    return frame, (torso * 255).astype(np.uint8), (head * 255).astype(np.uint8)


def test_neck_continues_behind_the_chin() -> None:
    frame, torso, head = bust()
    picture, longer = extend_torso(frame, torso, head, reach=24)
    assert picture.dtype == longer.dtype == np.uint8
    assert (longer >= torso).all()
    assert longer[45, 48] == 255  # just behind the chin
    assert longer[10, 48] == 0  # out of reach
    assert (longer[(head == 0) & (torso == 0)] == 0).all()  # only what the head hides is made up
    made_up = (longer > 100) & (torso == 0)
    assert np.abs(picture[made_up].astype(int) - (190, 140, 110)).mean() < 40  # neck-coloured
    np.testing.assert_array_equal(picture[70:], frame[70:])


def test_fading_upwards() -> None:
    frame, torso, head = bust()
    _, longer = extend_torso(frame, torso, head, reach=30)
    column = longer[10:51, 48].astype(int)
    assert (np.diff(column) >= 0).all()
    assert ((column > 20) & (column < 235)).any()


def test_without_a_torso_nothing_is_made_up() -> None:
    frame, torso, head = bust()
    picture, longer = extend_torso(frame, np.zeros_like(torso), head)
    np.testing.assert_array_equal(picture, frame)
    assert longer.max() == 0


def test_plate_of_a_real_clip_shows_nobody(media) -> None:
    from face3dmm import segment_stream
    from face3dmm.detector import FaceFinder, LandmarkTracker
    from face3dmm.video import open_video

    pictures = list(open_video(media / "ref_m_french_50s.mp4", max_seconds=1))[::5]
    with LandmarkTracker() as tracker:
        landmarks = torch.from_numpy(np.stack([tracker(picture)[0] for picture in pictures]))
    plate = BackgroundPlate()
    for picture, (_, person) in zip(pictures, segment_stream(pictures, landmarks), strict=True):
        plate.add(picture, person)
    with FaceFinder() as finder:
        assert len(finder(pictures[0])) == 1
        assert finder(plate.plate()) == []
