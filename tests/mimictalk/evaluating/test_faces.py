"""Motion of two clips, and the mouth beside the sound."""

from pathlib import Path

import numpy as np
import pytest

import mimictalk
from face3dmm import track_video
from mimictalk.evaluating.clips import Clip
from mimictalk.evaluating.faces import (
    Mouths,
    compare_faces,
    compare_sound,
    compare_sync,
    loudness,
    opening,
    sound_features,
)
from talk_motion import AudioFeatures

DEMO = Path(mimictalk.__file__).parent / "data" / "demo" / "reference.mp4"


def test_a_clip_beside_itself(clip, track):
    one = Clip(clip, track.crop, 0, track)
    figures = compare_faces(one, one, len(track), cross=False)
    assert {key: figures[key].value for key in ("aed", "apd", "akd", "lmd")} == dict.fromkeys(
        ("aed", "apd", "akd", "lmd"), 0
    )
    assert figures["mouth_correlation"].value == pytest.approx(1)
    assert figures["faces_found"].value == 1


def test_a_lost_face_is_told(clip, track):
    lost = Clip(clip, (0, 0, 512), 0, None, "no face can be followed in the output: it is dark")
    figures = compare_faces(Clip(clip, track.crop, 0, track), lost, 10, cross=False)
    assert figures["faces_found"].value == 0
    assert {figures[key].reason for key in ("aed", "apd", "akd", "lmd", "mouth_correlation")} == {lost.lost}
    assert np.isnan(opening(lost, 10)).all()


def curves(late: int) -> Mouths:
    signal = np.convolve(np.random.default_rng(0).normal(size=240), np.ones(4), "valid")
    return Mouths(signal[20:220], signal[20 - late : 220 - late], 10 * signal[20:220] - 30)


def test_a_mouth_that_comes_three_frames_late_is_120_ms_late():
    figures = compare_sound(curves(3))
    assert figures["av_offset"].value == 120
    assert figures["av_offset"].true == 0
    assert figures["av_correlation"].value == pytest.approx(1)


def test_a_true_mouth_that_does_not_follow_its_sound_tells_no_offset():
    known = curves(0)
    noise = np.random.default_rng(5).normal(size=200)
    figures = compare_sound(Mouths(noise, known.output, known.loudness))
    assert "too little" in figures["av_offset"].reason
    assert figures["av_correlation"].value == pytest.approx(1)


def test_without_sound_or_mouth_there_are_reasons():
    known = curves(0)
    silent = compare_sound(Mouths(known.true, known.output, None))
    assert silent["av_offset"].reason == "there is no sound to compare with"
    unseen = compare_sound(Mouths(known.true, np.full(200, np.nan), known.loudness))
    assert unseen["av_correlation"].reason == "no mouth was seen in the output"


def test_loudness_begins_with_the_first_compared_frame(tmp_path, write_wav):
    samples = np.zeros((16000 * 2, 1))
    samples[16000:] = 0.5 * np.sin(np.arange(16000) / 5)[:, None]
    path = write_wav(tmp_path / "a.wav", samples, 16000)
    heard = loudness(sound_features(path, 20, 20))
    assert heard.shape == (20,)
    assert (
        heard[8:].min() - heard[:4].max() > 20
    )  # silence until frame 25, which is number 5 from frame 20 on


def test_a_video_without_sound_has_no_features(clip, track):
    assert sound_features(clip, 0, 10) is None
    silent = compare_sync(Clip(clip, track.crop, track=track), None, 10)
    assert {figure.reason for figure in silent.values()} == {"there is no sound to compare with"}


def test_a_mouth_beside_its_sound_and_another():
    track = track_video(DEMO, max_seconds=8)
    clip, frames = Clip(DEMO, track.crop, track=track), len(track)
    features = sound_features(DEMO, 0, frames)
    own = compare_sync(clip, features, frames)
    parts = ("content", "pitch", "energy", "voiced")
    backwards = AudioFeatures(*(getattr(features, name).flip(0) for name in parts))
    other = compare_sync(clip, backwards, frames)
    assert own["sync_confidence"].value > 2 * other["sync_confidence"].value
    assert own["sync_distance"].value < other["sync_distance"].value
