"""Two clips through windows that show the same."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mimictalk.errors import InputError
from mimictalk.evaluating.clips import Clip, common_windows, through


def test_landmarks_keep_their_place_in_the_picture_through_another_window(track):
    window = (40, 10, 256)
    seen = through(track, window)
    x0, y0, side = track.crop
    before = track.landmarks[..., :2] * (side / 512) + torch.tensor([x0, y0])
    after = seen.landmarks[..., :2] * (256 / 512) + torch.tensor([40, 10])
    np.testing.assert_allclose(after, before, atol=1e-3)
    assert seen.crop == window
    assert through(track, track.crop) is track


def test_a_stretch_begins_at_its_first_frame(clip, track, face_frames):
    whole, part = (Clip(clip, track.crop, first, track) for first in (0, 5))
    assert (whole.length, part.length) == (28, 23)
    frames = list(part.frames())
    assert len(frames) == 23
    assert float(np.abs(frames[0].astype(float) - face_frames[5]).mean()) < 2
    assert torch.equal(part.landmarks(3), whole.landmarks(8)[5:])
    assert part.seen(23).all()


def test_the_same_landmarks_and_identity_give_the_same_coefficients(clip, track):
    stretch = Clip(clip, track.crop, 0, track)
    a = stretch.coeffs(28)
    b = stretch.coeffs(28, a.identity)
    assert torch.equal(a.identity, track.coeffs.identity)
    assert torch.equal(a.expression, b.expression)
    assert torch.equal(a.euler, b.euler)


def test_a_clip_without_a_face_says_why(clip, track):
    lost = Clip(clip, (0, 0, 512), 0, None, "no face")
    assert not lost.seen(4).any()
    assert lost.length == 28
    with pytest.raises(ValueError, match="either a track or the reason"):
        Clip(clip, (0, 0, 512))


def test_windows_of_pictures_of_one_size_of_squares_and_of_others(clip, track, tmp_path, write_video):
    assert common_windows(track, clip, clip) == (track.crop, track.crop)
    square = write_video(tmp_path / "square.mp4", [np.zeros((64, 64, 3), np.uint8)] * 3)
    cropped = replace(track, crop=(10, 20, 300))
    assert common_windows(cropped, clip, square) == ((10, 20, 300), (0, 0, 64))
    wide = write_video(tmp_path / "wide.mp4", [np.zeros((64, 96, 3), np.uint8)] * 3)
    with pytest.raises(InputError, match="96x64 pictures are neither square"):
        common_windows(track, clip, wide)
