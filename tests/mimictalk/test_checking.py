"""The verdict on a clip: pictures are told, sound decides about the style, everything odd is said."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

import face3dmm
from mimictalk import checking
from mimictalk.checking import check_clip_sound, check_reference, refuse_picture
from mimictalk.errors import InputError
from mimictalk.judgement import GO, NO_GO, WARN, Judgement
from mimictalk.sync_check import SyncVerdict

LIGHT = Judgement("light", GO, "bright")
STEP = Judgement("sound and picture", GO, "in step")


@pytest.fixture
def tracking(monkeypatch):
    """A track of the wanted length without looking at pictures or at the mouth."""
    track = SimpleNamespace(warnings=("the picture is turned",), fps=25.0, crop=(0, 0, 512))

    def track_video(path, **options):
        track.options = options
        return track

    def last(seconds: float):
        frames = round(25 * seconds)
        track.coeffs = SimpleNamespace(expression=torch.zeros(frames, 64), confidence=torch.ones(frames))
        track.landmarks = torch.zeros(frames, 478, 3)
        return track

    monkeypatch.setattr(face3dmm, "track_video", track_video, raising=False)
    monkeypatch.setattr(face3dmm, "read_crops", lambda path, crop, **options: iter(()), raising=False)
    track.picture = LIGHT
    monkeypatch.setattr(checking, "judge_pictures", lambda *given: [track.picture])
    monkeypatch.setattr(checking, "judge_motion", lambda track, long_enough: [])
    track.sync = SyncVerdict(0, STEP, {"sync_offset_ms": 0})
    monkeypatch.setattr(checking, "check_sync", lambda features_at, track: track.sync)
    last.track = track
    return last


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n....", "PNG"),
        (b"\xff\xd8\xff\xe0........", "JPEG"),
        (b"GIF89a......", "GIF"),
        (b"RIFF\x00\x00\x00\x00WEBP", "WebP"),
    ],
)
def test_a_picture_is_told_as_one(here, content, kind):
    (here / "me.mp4").write_bytes(content)
    with pytest.raises(InputError) as caught:
        refuse_picture(here / "me.mp4")
    assert str(caught.value) == (
        f"{here / 'me.mp4'}: it is a picture ({kind}), not a video\nGive a clip of the person talking."
    )


@pytest.mark.parametrize("content", [b"", b"\x00\x00\x00\x20ftypisom", b"RIFF\x00\x00\x00\x00AVI "])
def test_other_files_are_left_to_the_decoder(here, content):
    (here / "me.mp4").write_bytes(content)
    refuse_picture(here / "me.mp4")
    refuse_picture(here / "gone.mp4")


def talk(seconds: float, level: float = 0.1) -> np.ndarray:
    """A buzz at 120 Hz, switched at 4 Hz over a little hiss: voiced and modulated as speech is."""
    times = np.arange(round(seconds * 16000)) / 16000
    buzz = sum(np.sin(2 * np.pi * 120 * k * times) / k for k in range(1, 12))
    hiss = 0.001 * np.random.default_rng(0).standard_normal(len(times))
    return (level * buzz * (np.sin(2 * np.pi * 4 * times) > 0) + hiss)[:, None]


def test_speech_gives_a_style(here, write_wav):
    features, warnings = check_clip_sound(write_wav(here / "a.wav", talk(4), 16000))
    assert features is not None
    assert warnings == ()


def test_noise_gives_none(here, write_wav):
    noise = 0.1 * np.random.default_rng(0).standard_normal((64000, 1)).clip(-3, 3)
    features, warnings = check_clip_sound(write_wav(here / "a.wav", noise, 16000))
    assert features is None
    assert warnings[-1] == ("no speech was found in the sound: the avatar gets no talking style of its own")


def test_a_late_sound_is_told(here, write_wav):
    sound = np.concatenate([np.zeros((9600, 1)), talk(4)])
    features, warnings = check_clip_sound(write_wav(here / "a.wav", sound, 16000))
    assert features is not None
    assert warnings == ("the sound begins with 0.60 s of nothing: it may be late against the picture",)


def test_a_sound_that_cannot_be_read_costs_only_the_style(here, write_wav):
    write_wav(here / "a.wav", talk(0.02), 16000)
    features, warnings = check_clip_sound(here / "a.wav")
    assert features is None
    assert warnings[-1].endswith("the avatar gets no talking style of its own")


def test_a_good_clip(here, write_wav, tracking):
    tracking(12)
    verdict = check_reference(write_wav(here / "a.wav", talk(12), 16000))
    assert verdict.warnings == ("the picture is turned",)
    known = {"video": str(here / "a.wav"), "seconds": 12.0, "frames": 300, "speech": True}
    assert verdict.facts == known | {"sync_offset_ms": 0}
    assert verdict.track.options["max_seconds"] == 60


@pytest.mark.parametrize(("asked", "used"), [(None, 60), (600, 60), (30, 30)])
def test_a_long_clip_is_used_in_part_and_that_is_told(here, write_wav, tracking, asked, used):
    tracking(used)
    verdict = check_reference(write_wav(here / "a.wav", talk(62), 16000), max_seconds=asked)
    assert verdict.track.options["max_seconds"] == used
    long = "the clip is long (1:02 min): only its first 60 s are used"
    assert (long in verdict.warnings) == (asked is None)


def test_a_short_clip_is_told(here, write_wav, tracking):
    tracking(4)
    verdict = check_reference(write_wav(here / "a.wav", talk(4), 16000))
    assert verdict.warnings[1] == (
        "the clip is short (4.0 s): 20 s or more of talking give a better likeness"
    )


def test_every_warning_has_its_cure(here, write_wav, tracking):
    tracking(4)
    verdict = check_reference(write_wav(here / "a.wav", talk(4), 16000))
    assert verdict.grade == WARN
    assert all(verdict.cure(warning) for warning in verdict.warnings)
    assert verdict.cure(LIGHT.found) == verdict.cure("never heard of") == ""


def test_late_sound_is_moved(here, write_wav, tracking):
    late = Judgement("sound and picture", WARN, "the sound comes 600 ms late", "adapt moves it")
    tracking(12).sync = SyncVerdict(-15, late, {"sync_offset_ms": -600})
    path = write_wav(here / "a.wav", talk(12), 16000)
    verdict = check_reference(path)
    assert verdict.sound_offset == -15
    assert verdict.warnings[-1] == late.found
    whole, moved = (check_clip_sound(path, offset)[0] for offset in (0, -15))
    assert moved.frames == whole.frames - 15


def test_a_clip_that_cannot_be_used_is_refused(cli, here, write_wav, tracking):
    tracking(12).picture = Judgement("light", NO_GO, "the face is black", "Film it in better light.")
    write_wav(here / "a.wav", talk(12), 16000)
    ran = cli("check", "a.wav")
    assert (ran.code, ran.out) == (2, "")
    assert "no-go  light " in ran.err
    assert ran.err.endswith("a.wav: the face is black\nFilm it in better light.\n")
    with pytest.raises(InputError, match="black"):
        check_reference(here / "a.wav").refuse_no_go(here / "a.wav")


def test_the_command(cli, here, write_wav, tracking):
    tracking(12)
    write_wav(here / "a.wav", talk(12), 16000)
    ran = cli("check", "a.wav")
    assert (ran.code, ran.err) == (0, "warning: the picture is turned\n")
    lines = ran.out.splitlines()
    assert lines[0] == "a.wav: fit for adapt"
    assert "go     light              bright" in lines
    assert lines[lines.index("warn   file               the picture is turned") + 1].strip().startswith("-> ")
    told = cli("check", "a.wav", "--json").json
    assert (told["seconds"], told["grade"]) == (12.0, "warn")
    checks = {one["check"]: one for one in told["checks"]}
    assert checks["length"]["numbers"] == {"seconds": 12.0}
    assert checks["file"]["grade"] == "warn" and checks["file"]["cure"]
    assert checks["speech level"]["grade"] == "go"
