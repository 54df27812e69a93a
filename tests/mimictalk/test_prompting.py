"""A prompt is the longest stretch with speech and a face, sound and motion frame by frame together."""

from types import SimpleNamespace

import pytest
import torch

from mimictalk.prompting import longest_run, prompt_from_track
from talk_motion.features import AudioFeatures


@pytest.mark.parametrize(
    ("good", "wanted"),
    [
        ("", (0, 0)),
        ("...", (0, 0)),
        ("xxx", (0, 3)),
        (".xx.xxx", (4, 7)),
        ("xxx.xx", (0, 3)),
        ("xx.xx", (0, 2)),
    ],
)
def test_longest_run(good, wanted):
    assert longest_run(torch.tensor([letter == "x" for letter in good], dtype=torch.bool)) == wanted


def track(confidence: torch.Tensor, opening: float = 0.2) -> SimpleNamespace:
    """Frame t has expression t everywhere."""
    frames = len(confidence)
    coeffs = SimpleNamespace(
        expression=torch.arange(frames, dtype=torch.float32)[:, None].repeat(1, 64),
        euler=torch.zeros(frames, 3),
        translation=torch.zeros(frames, 3),
        gaze=torch.zeros(frames, 2),
        confidence=confidence,
    )
    # Eye corners one unit apart; the lips open by up to `opening` of it.
    landmarks = torch.zeros(frames, 478, 3)
    landmarks[:, 263, 0] = 1.0
    lower = [95, 88, 178, 87, 14, 317, 402, 318, 324]
    landmarks[:, lower, 1] = opening * (torch.arange(frames) % 2)[:, None].float()
    return SimpleNamespace(coeffs=coeffs, landmarks=landmarks, fps=25.0)


def features(frames: int) -> AudioFeatures:
    """Both feature frames of motion frame t have energy t."""
    energy = torch.arange(frames, dtype=torch.float32).repeat_interleave(2)
    return AudioFeatures(torch.zeros(2 * frames, 64), energy * 0, energy, energy * 0)


@pytest.mark.parametrize(("pictures", "sounds"), [(100, 100), (100, 103), (103, 100)])
def test_sound_and_motion_are_of_the_same_frames(pictures, sounds):
    prompt = prompt_from_track(track(torch.ones(pictures)), features(sounds))
    assert prompt is not None
    assert prompt.motion.frames == prompt.audio.frames == 100
    assert torch.equal(prompt.motion.expression[:, 0], prompt.audio.energy[::2])


def test_a_lost_face_ends_the_stretch():
    confidence = torch.ones(250)
    confidence[75:175] = 0
    confidence[200] = 0.5  # bridged over a short gap
    prompt = prompt_from_track(track(confidence), features(250))
    assert prompt is not None
    assert prompt.motion.expression[:, 0].tolist() == [float(t) for t in range(75)]
    assert torch.equal(prompt.motion.expression[:, 0], prompt.audio.energy[::2])


def test_a_covered_mouth_is_no_prompt():
    assert prompt_from_track(track(torch.ones(100), opening=0.001), features(100)) is None


def test_no_speech_or_no_second_of_it_is_no_prompt():
    assert prompt_from_track(track(torch.ones(100)), None) is None
    assert prompt_from_track(track(torch.ones(24)), features(24)) is None
    assert prompt_from_track(track(torch.zeros(100)), features(100)) is None
