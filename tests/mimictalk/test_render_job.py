"""`render` around its drawing: options reach what they should, the file is whole, marked and in step."""

from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest
import torch

from mimictalk import motion_sources, render_job, rendering
from mimictalk.marks import SYNTHETIC, read_mark
from mimictalk.render_job import RenderSettings
from mimictalk.render_key import render_key
from mimictalk.state import remember_avatar
from talk_motion import MotionSequence

FRAMES = 30


@pytest.fixture
def drawing(monkeypatch):
    """Motion and drawing replaced by something quick; returns what they were asked to do."""
    asked = SimpleNamespace(settings=None, background="unset", size=None, frames=FRAMES, fail_at=None)
    nothing = torch.zeros(FRAMES, 3)
    motion = MotionSequence.from_tracking(torch.zeros(FRAMES, 64), nothing, nothing, torch.zeros(FRAMES, 2))

    def motion_from(avatar, settings, console, progress, spool=None):
        asked.settings = settings
        console.warn("it is quiet")
        return motion

    def load_renderer(avatar, background=None, size=None, device=None):
        asked.background, asked.size = background, size

        def frames(given):
            assert torch.equal(given.euler, motion.euler)
            for index in range(asked.frames):
                if index == asked.fail_at:
                    raise asked.fault
                yield np.full((size, size, 3), 5 * index, np.uint8)

        return SimpleNamespace(frames=frames)

    monkeypatch.setattr(motion_sources, "motion_from_audio", motion_from)
    monkeypatch.setattr(motion_sources, "motion_from_clip", motion_from)
    monkeypatch.setattr(rendering, "load_renderer", load_renderer)
    # These avatars have no eyes to turn; test_turned_eyes.py has.
    monkeypatch.setattr(render_job, "looking", lambda renderer, avatar, controls: renderer)
    return asked


def decoded(path: Path) -> tuple[int, float]:
    """Number of frames and seconds of sound."""
    with av.open(str(path)) as container:
        pictures = sum(1 for _ in container.decode(video=0))
    with av.open(str(path)) as container:
        return pictures, sum(frame.samples / frame.sample_rate for frame in container.decode(audio=0))


def test_a_video_is_written_and_marked(cli, here, me, speech, drawing):
    ran = cli("render", "me", "--audio", "hello.wav")
    assert (ran.code, ran.out) == (0, "me-hello.mp4\n")
    frames, seconds = decoded(here / "me-hello.mp4")
    assert frames == FRAMES
    assert abs(seconds - FRAMES / 25) <= 0.04
    mark = read_mark(here / "me-hello.mp4")
    assert mark is not None
    assert (mark["digitalSourceType"], mark["drivenBy"]) == (SYNTHETIC, "audio")
    assert mark["avatarSha256"] == cli("render", "me", "--audio", "hello.wav", "--json").json["avatar_sha256"]


def test_json(cli, me, speech, drawing):
    told = cli("render", "me", "--audio", "hello.wav", "-o", "x.mp4", "--json").json
    assert (told["video"], told["frames"], told["fps"], told["seconds"]) == ("x.mp4", FRAMES, 25.0, 1.2)
    assert told["warnings"] == ["it is quiet"]


def test_options_arrive(cli, me, speech, drawing):
    ran = cli(
        "render", "--audio", "hello.wav", "me", "--seed", 3, "--style-strength", 1.5,
        "--pose", "static", "--blink", "none", "--background", "#102030", "--mouth", 0.5, "--gaze", "-5,2",
    )  # fmt: skip
    assert ran.code == 0, ran.err
    wanted = {
        "seed": 3,
        "style_strength": 1.5,
        "pose": "static",
        "blink": "none",
        "mouth": 0.5,
        "gaze": "-5,2",
    }
    assert {key: getattr(drawing.settings, key) for key in wanted} == wanted
    assert drawing.background[0, 0].tolist() == [16, 32, 48]


@pytest.mark.parametrize(
    "control",
    [
        {"mouth": 1.5},
        {"blink": "0.5"},
        {"gaze": "forward"},
        {"pose": "5,0,0"},
        {"background": "#000000"},
        {"size": 256},
    ],
)
def test_what_was_drawn_with_other_controls_is_not_used_again(speech, control):
    plain = render_key(RenderSettings(audio=speech), avatar="a")
    assert render_key(RenderSettings(audio=speech), avatar="a") == plain
    assert render_key(RenderSettings(audio=speech, **control), avatar="a") != plain


def test_a_video_of_half_the_size(cli, here, me, speech, drawing):
    ran = cli("render", "me", "--audio", "hello.wav", "--size", 256, "--label", "--json")
    assert ran.code == 0, ran.err
    assert (drawing.size, ran.json["size"]) == (256, 256)
    with av.open(str(here / "me-hello.mp4")) as container:
        picture = next(container.decode(video=0))
    assert (picture.width, picture.height) == (256, 256)
    marks = cli("verify", "me-hello.mp4", "--json").json
    assert marks["watermark"]["payload"] == ran.json["watermark"]
    assert marks["c2pa"]["state"] == "valid"


@pytest.mark.parametrize("size", [0, 255, 1024, -512])
def test_other_sizes_are_refused_before_any_work(cli, here, me, speech, drawing, size):
    ran = cli("render", "me", "--audio", "hello.wav", "--size", size)
    assert (ran.code, ran.err) == (2, f"--size: {size} is no size of a picture\nGive 256 or 512.\n")
    assert drawing.settings is None


def test_the_last_avatar_is_used_when_none_is_named(cli, me, speech, drawing):
    remember_avatar(me)
    assert cli("render", "--audio", "hello.wav").out == "me-hello.mp4\n"


def test_the_drivers_sound_is_kept(cli, here, me, speech, drawing):
    cli("render", "me", "--audio", "hello.wav", "-o", "driver.mp4")
    ran = cli("render", "me", "--drive", "driver.mp4", "-o", "copy.mp4")
    assert ran.code == 0, ran.err
    assert decoded(here / "copy.mp4")[1] > 1
    assert read_mark(here / "copy.mp4")["drivenBy"] == "video"
    assert drawing.settings.drive_pose == "relative"
    assert cli("render", "me", "--drive", "driver.mp4", "--drive-pose", "absolute").code == 0
    assert drawing.settings.drive_pose == "absolute"


@pytest.mark.parametrize("fault", [KeyboardInterrupt(), RuntimeError("x"), MemoryError()])
def test_a_failure_in_the_middle_leaves_the_old_video(cli, here, me, speech, drawing, fault):
    (here / "out.mp4").write_bytes(b"old")
    drawing.fail_at, drawing.fault = 10, fault
    ran = cli("render", "me", "--audio", "hello.wav", "-o", "out.mp4")
    assert ran.code == (130 if isinstance(fault, KeyboardInterrupt) else 1)
    assert (here / "out.mp4").read_bytes() == b"old"
    kept = ".mimictalk-render-out.mp4"
    assert sorted(entry.name for entry in here.iterdir()) == [kept, "hello.wav", "me", "out.mp4"]
    if isinstance(fault, KeyboardInterrupt):
        assert ran.err.endswith(f"Stopped. The motion is kept in {kept}; run the same command to go on.\n")
    drawing.fail_at, drawing.settings = None, None
    assert cli("render", "me", "--audio", "hello.wav", "-o", "out.mp4").code == 0
    assert drawing.settings is None, "the motion was taken from the folder"
    assert decoded(here / "out.mp4")[0] == FRAMES
    assert sorted(entry.name for entry in here.iterdir()) == ["hello.wav", "me", "out.mp4"]


def test_no_input_is_overwritten(cli, here, me, speech, drawing):
    cli("render", "me", "--audio", "hello.wav", "-o", "driver.mp4")
    before = (here / "driver.mp4").read_bytes()
    for arguments in (["--drive", "driver.mp4"], ["--audio", "hello.wav", "--pose", "driver.mp4"]):
        ran = cli("render", "me", *arguments, "-o", "./driver.mp4")
        assert ran.err == (
            "driver.mp4: the video would overwrite its own input\nChoose another name with -o.\n"
        )
        assert ran.code == 2
    assert (here / "driver.mp4").read_bytes() == before


def test_a_folder_is_no_video(cli, here, me, speech, drawing):
    (here / "x.mp4").mkdir()
    assert cli("render", "me", "--audio", "hello.wav", "-o", "x.mp4").err == (
        "x.mp4: it is a folder\nGive the name of a video, such as out.mp4.\n"
    )


def test_a_damaged_avatar_is_refused_before_any_work(cli, here, me, speech, drawing):
    content = bytearray((me / "identity.safetensors").read_bytes())
    content[-1] ^= 1
    (me / "identity.safetensors").write_bytes(content)
    ran = cli("render", "me", "--audio", "hello.wav")
    assert ran.code == 2
    assert ran.err.startswith("me/identity.safetensors: its sha256 does not match avatar.json")
    assert drawing.settings is None


def test_other_base_weights_are_refused(cli, me, speech, drawing, monkeypatch):
    monkeypatch.setattr("mimictalk.avatar.installed", dict)
    ran = cli("render", "me", "--audio", "hello.wav")
    assert ran.code == 2
    assert "me: it stands on base weights portrait3d/data/small.safetensors" in ran.err


def test_settings_name_the_driver():
    assert RenderSettings(audio=Path("a.wav")).driver == Path("a.wav")
    assert RenderSettings(drive=Path("a.mp4")).driver == Path("a.mp4")
