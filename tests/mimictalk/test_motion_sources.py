"""Where an avatar's motion comes from: speech in some style, or a clip; and where its head is put."""

import io
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import talk_motion
from mimictalk import motion_sources
from mimictalk.console import Console
from mimictalk.errors import InputError
from mimictalk.motion_sources import motion_from_audio, motion_from_clip, style_prompt
from mimictalk.render_job import RenderSettings
from mimictalk.speaking import speak
from talk_motion import AudioFeatures, MotionPrompt, MotionSequence
from talk_motion.generation import Speaking
from talk_motion.speech_file import SpeechFile
from talk_motion.spool import MotionSpool

FRAMES = 50
SOURCE_EULER, SOURCE_TRANSLATION = torch.tensor([0.1, -0.2, 0.05]), torch.tensor([0.3, 0.1, -0.4])


def ignore(*_: object) -> None:
    """Progress that nobody sees."""


@pytest.fixture
def console() -> Console:
    return Console(out=io.StringIO(), err=io.StringIO())


@pytest.fixture
def speech(here, write_wav) -> Path:
    times = np.arange(FRAMES * 640) / 16000
    buzz = sum(np.sin(2 * np.pi * 120 * k * times) / k for k in range(1, 12))
    return write_wav(here / "a.wav", (0.1 * buzz * (np.sin(2 * np.pi * 4 * times) > 0))[:, None], 16000)


def nobodys_space(name: str) -> SimpleNamespace:
    """A motion model of which only the lip gap is asked."""
    return SimpleNamespace(name=name, space=SimpleNamespace(gap=torch.zeros(64)))


@pytest.fixture
def generated(monkeypatch) -> SimpleNamespace:
    """The motion model replaced: it turns the head by 0.5 about y, and remembers what it was asked."""
    asked = SimpleNamespace()

    def motion(speech, model, prompt, speaking):
        asked.model, asked.prompt, asked.speaking = model, prompt, speaking
        asked.frames = sum(piece.frames for piece in speech.features())
        for frames in (asked.frames // 3, asked.frames - asked.frames // 3):
            euler = torch.tensor([0.0, 0.5, 0.0]).repeat(frames, 1)
            yield MotionSequence.from_tracking(
                torch.zeros(frames, 64), euler, torch.ones(frames, 3), torch.zeros(frames, 2)
            )

    monkeypatch.setattr(SpeechFile, "motion", motion)
    monkeypatch.setattr(talk_motion, "MotionModel", SimpleNamespace(from_pretrained=nobodys_space))
    return asked


@pytest.fixture
def spool() -> Iterator[MotionSpool]:
    with MotionSpool() as opened:
        yield opened


def prompt_of(frames: int = 30) -> MotionPrompt:
    zero = torch.zeros(2 * frames)
    audio = AudioFeatures(torch.zeros(2 * frames, 64), zero, zero, zero)
    coordinates = torch.zeros(frames, 3)
    motion = MotionSequence.from_tracking(
        torch.zeros(frames, 64), coordinates, coordinates, torch.zeros(frames, 2)
    )
    return MotionPrompt(audio, motion)


def avatar(prompt: MotionPrompt | None) -> SimpleNamespace:
    tensors = {
        "face_identity": torch.zeros(80),
        "source_euler": SOURCE_EULER,
        "source_translation": SOURCE_TRANSLATION,
    }
    return SimpleNamespace(prompt=lambda: prompt, motion_tuning=lambda: None, tensors=lambda: tensors)


@pytest.fixture
def tracked(monkeypatch) -> SimpleNamespace:
    """A clip of 10 frames in which the head turns from -0.1 to 0.1 about a pose far away."""
    sway = torch.linspace(-0.1, 0.1, 11)[:, None]
    coeffs = SimpleNamespace(
        identity=torch.ones(80),
        expression=torch.zeros(11, 64),
        euler=torch.tensor([0.0, 0.4, 0.0]) + sway * torch.tensor([0.0, 1.0, 0.0]),
        translation=torch.tensor([2.0, 2.0, 2.0]) + sway,
        gaze=torch.zeros(11, 2),
        confidence=torch.ones(11),
    )
    landmarks = torch.rand(11, 478, 3, generator=torch.Generator().manual_seed(0))
    track = SimpleNamespace(coeffs=coeffs, landmarks=landmarks, fps=25.0, warnings=("it is dark",))
    monkeypatch.setattr(motion_sources, "track_for", lambda path, progress: track)
    return track


def test_the_avatars_own_style_and_place(speech, generated, spool, console):
    own = prompt_of()
    settings = RenderSettings(audio=speech, seed=4, style_strength=1.5, blink="none", pose="static")
    motion = motion_from_audio(avatar(own), settings, console, ignore, spool)
    assert torch.equal(motion.euler, torch.tensor([0.0, 0.5, 0.0]).expand(FRAMES, 3))
    assert generated.prompt is own
    assert generated.model.name == "small"
    assert generated.frames == FRAMES
    assert generated.speaking == Speaking(seed=4, style_strength=1.5, pose="static", blink="none")
    assert console.warnings == []


def test_without_a_style_the_head_stays_where_the_avatar_has_it(speech, generated, spool, console):
    motion = motion_from_audio(avatar(None), RenderSettings(audio=speech), console, ignore, spool)
    assert generated.prompt is None
    assert console.warnings == ["the avatar has no talking style of its own: an average one is used"]
    assert torch.allclose(motion.euler, SOURCE_EULER.expand(FRAMES, 3), atol=1e-5)
    assert torch.allclose(motion.translation, SOURCE_TRANSLATION.expand(FRAMES, 3), atol=1e-5)


def test_another_style_keeps_the_avatars_place(speech, generated, spool, console, monkeypatch):
    other = prompt_of()
    monkeypatch.setattr(motion_sources, "style_prompt", lambda path, console, progress: other)
    settings = RenderSettings(audio=speech, style=Path("other.mp4"))
    motion = motion_from_audio(avatar(prompt_of()), settings, console, ignore, spool)
    assert generated.prompt is other
    assert torch.allclose(motion.euler, SOURCE_EULER.expand(FRAMES, 3), atol=1e-5)


def test_the_pose_of_a_clip(here, speech, generated, spool, tracked, console):
    (here / "p.mp4").write_bytes(b"")
    settings = RenderSettings(audio=speech, pose="p.mp4")
    motion = motion_from_audio(avatar(prompt_of()), settings, console, ignore, spool)
    assert console.warnings == ["p.mp4: it is dark"]
    assert len(motion.euler) == FRAMES  # 11 frames there and back: 0 1 ... 10 9 ... 0 1
    assert torch.allclose(motion.translation[20], motion.translation[0])
    assert torch.allclose(motion.translation[5], SOURCE_TRANSLATION, atol=1e-5)
    assert not torch.allclose(motion.euler[0], motion.euler[10], atol=0.05)


def test_a_pose_that_is_nothing_is_told_before_any_work(here, speech, spool, console):
    with pytest.raises(InputError) as caught:
        motion_from_audio(avatar(None), RenderSettings(audio=speech, pose="sideways"), console, ignore, spool)
    assert str(caught.value) == (
        "--pose: 'sideways' is neither a way to move nor a clip\n"
        "Give ref, static, YAW,PITCH,ROLL in degrees, or the name of a clip."
    )


def test_an_odd_sound_is_told_once(here, write_wav, generated, spool, console):
    noise = 0.1 * np.random.default_rng(0).standard_normal((32000, 1)).clip(-3, 3)
    speak(write_wav(here / "n.wav", noise, 16000), None, Speaking(), spool, console, ignore)
    assert console.warnings == ["n.wav: it sounds like noise, not speech: the mouth will hardly move"]


def test_a_clip_drives_about_the_avatars_place(tracked, console, monkeypatch):
    monkeypatch.setattr(motion_sources, "fit_to_avatar", lambda track, identity: (track.coeffs, 2.0))
    settings = RenderSettings(drive=Path("d.mp4"))
    motion = motion_from_clip(avatar(None), settings, console, ignore)
    assert console.warnings == ["it is dark"]
    assert torch.allclose(motion.euler[5], SOURCE_EULER, atol=1e-5)
    assert torch.allclose(motion.translation[5], SOURCE_TRANSLATION, atol=1e-5)
    absolute = RenderSettings(drive=Path("d.mp4"), drive_pose="absolute")
    motion = motion_from_clip(avatar(None), absolute, console, ignore)
    assert torch.equal(motion.euler, tracked.coeffs.euler)


def test_a_driven_head_can_be_held(tracked, console, monkeypatch):
    monkeypatch.setattr(talk_motion, "MotionModel", SimpleNamespace(from_pretrained=nobodys_space))
    monkeypatch.setattr(motion_sources, "fit_to_avatar", lambda track, identity: (track.coeffs, 2.0))
    still = motion_from_clip(
        avatar(None), RenderSettings(drive=Path("d.mp4"), pose="static"), console, ignore
    )
    assert torch.allclose(still.euler, SOURCE_EULER.expand(11, 3), atol=1e-5)
    assert torch.equal(still.translation, still.translation[:1].expand(11, 3))
    turned = RenderSettings(drive=Path("d.mp4"), pose="-10,0,5", drive_pose="absolute")
    held = motion_from_clip(avatar(None), turned, console, ignore)
    assert torch.allclose(torch.rad2deg(held.euler), torch.tensor([0.0, -10.0, 5.0]).expand(11, 3))
    assert torch.equal(held.translation, SOURCE_TRANSLATION.expand(11, 3))


def test_a_spoken_head_can_be_held(speech, generated, spool, console):
    settings = RenderSettings(audio=speech, pose="10,-5,2", gaze="forward", blink="none")
    motion = motion_from_audio(avatar(prompt_of()), settings, console, ignore, spool)
    assert (generated.speaking.pose, generated.speaking.blink) == ("static", "none")
    assert torch.allclose(torch.rad2deg(motion.euler), torch.tensor([-5.0, 10.0, 2.0]).expand(FRAMES, 3))
    assert torch.equal(motion.translation, SOURCE_TRANSLATION.expand(FRAMES, 3))


def test_a_style_needs_speech(here, tracked, console, write_wav):
    write_wav(here / "s.wav", np.zeros((16000, 1)), 16000)
    with pytest.raises(InputError, match="it shows no talking style"):
        style_prompt(here / "s.wav", console, ignore)


def test_the_style_of_a_clip(speech, tracked, console):
    tracked.coeffs.confidence = torch.ones(60)
    tracked.landmarks = torch.rand(60, 478, 3, generator=torch.Generator().manual_seed(0))
    for name, width in (("expression", 64), ("euler", 3), ("translation", 3), ("gaze", 2)):
        setattr(tracked.coeffs, name, torch.zeros(60, width))
    prompt = style_prompt(speech, console, ignore)
    assert prompt.motion.frames == prompt.audio.frames == FRAMES
