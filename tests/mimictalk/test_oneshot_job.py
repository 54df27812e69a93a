"""`oneshot` around its drawing: pictures are used or refused with words, the file is whole and marked."""

import hashlib
from types import SimpleNamespace

import av
import numpy as np
import pytest
import torch
import typer
from PIL import Image

import mimictalk.cli
from mimictalk import motion_sources, one_shot_person
from mimictalk.commands.oneshot import oneshot
from mimictalk.errors import InputError
from mimictalk.marks import SYNTHETIC, read_mark
from mimictalk.oneshot_job import REFINE, OneShotSettings
from talk_motion import MotionSequence

FRAMES = 10


@pytest.fixture(autouse=True)
def _command(monkeypatch):
    """The program with this one command."""
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.callback(invoke_without_command=True)(mimictalk.cli._shared)
    app.command()(oneshot)
    monkeypatch.setattr(mimictalk.cli, "app", app)


@pytest.fixture
def drawing(monkeypatch, here):
    """Fit, motion and drawing replaced by something quick; returns what they were asked to do."""
    Image.new("RGB", (96, 96), "gray").save(here / "me.png")
    asked = SimpleNamespace(settings=None, renderer=None)
    nothing = torch.zeros(FRAMES, 3)
    motion = MotionSequence.from_tracking(torch.zeros(FRAMES, 64), nothing, nothing, torch.zeros(FRAMES, 2))
    track = SimpleNamespace(warnings=("the face is small",), source_hash="cd" * 32)

    def motion_from(person, settings, console, progress, spool=None):
        asked.settings = settings
        return motion

    def renderer(refine, seed, background, progress, device, size):
        asked.renderer, asked.size = (refine, seed, background), size
        return SimpleNamespace(
            frames=lambda given: (np.full((size, size, 3), 90, np.uint8) for _ in range(FRAMES))
        )

    person = SimpleNamespace(track=track, renderer=renderer)
    monkeypatch.setattr(one_shot_person.PortraitPerson, "of", classmethod(lambda cls, path, progress: person))
    monkeypatch.setattr(motion_sources, "motion_from_audio", motion_from)
    monkeypatch.setattr(motion_sources, "motion_from_clip", motion_from)
    return asked


def test_a_video_is_written_and_marked(cli, here, speech, drawing):
    ran = cli("oneshot", "me.png", "--audio", "hello.wav", "--json")
    assert ran.code == 0, ran.err
    assert ran.json["video"] == "me-hello.mp4"
    assert ran.json["frames"] == FRAMES
    assert ran.json["warnings"] == ["me.png: the face is small"]
    with av.open(str(here / "me-hello.mp4")) as container:
        assert sum(1 for _ in container.decode(video=0)) == FRAMES
    mark = read_mark(here / "me-hello.mp4")
    assert (mark["digitalSourceType"], mark["drivenBy"], mark["portraitSha256"]) == (
        SYNTHETIC,
        "audio",
        "cd" * 32,
    )
    assert "avatarSha256" not in mark


def test_options_arrive(cli, speech, drawing):
    ran = cli(
        "oneshot", "--audio", "hello.wav", "me.png", "--seed", 3, "--pose", "static", "--blink", "none",
        "--style-strength", 1.5, "--background", "#102030", "--refine", 7, "--size", 256,
    )  # fmt: skip
    assert ran.code == 0, ran.err
    wanted = {"seed": 3, "style_strength": 1.5, "pose": "static", "blink": "none"}
    assert {key: getattr(drawing.settings, key) for key in wanted} == wanted
    assert (*drawing.renderer[:2], drawing.size) == (7, 3, 256)
    assert drawing.renderer[2][0, 0].tolist() == [16, 32, 48]
    cli("oneshot", "me.png", "--audio", "hello.wav")
    assert (*drawing.renderer, drawing.size) == (REFINE, 0, None, 512)


def test_a_clip_drives(cli, here, speech, drawing):
    cli("oneshot", "me.png", "--audio", "hello.wav", "-o", "driver.mp4")
    ran = cli("oneshot", "me.png", "--drive", "driver.mp4", "-o", "copy.mp4", "--drive-pose", "absolute")
    assert ran.code == 0, ran.err
    assert read_mark(here / "copy.mp4")["drivenBy"] == "video"
    assert drawing.settings.drive_pose == "absolute"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "mimictalk oneshot: nothing says what the person should do\n"),
        (["--audio", "a.wav", "--drive", "a.mp4"], "mimictalk oneshot: --audio and --drive exclude each other\n"),
        (["--audio", "a.wav", "--refine", "-1"], "--refine: -1 is out of range\n"),
        (["--audio", "a.wav", "-o", "a.avi"], "a.avi: only mp4 is written\n"),
    ],
)  # fmt: skip
def test_wrong_use_is_told(cli, here, drawing, arguments, words):
    ran = cli("oneshot", "me.png", *arguments)
    assert ran.code == 2
    assert ran.err.startswith(words)
    assert len(ran.err.splitlines()) <= 3
    assert [entry.name for entry in here.iterdir()] == ["me.png"]


def test_the_portrait_is_not_overwritten(here):
    (here / "me.mp4").write_bytes(b"a picture in disguise")
    settings = OneShotSettings(picture=here / "me.mp4", audio=here / "a.wav", out=here / "me.mp4")
    with pytest.raises(InputError, match="would overwrite its own input"):
        settings.output("me")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("hostile/p_flat_gray_no_face.png", "no face was found in it"),
        ("hostile/p_truncated.png", "the picture is damaged or cut off"),
        ("hostile/p_half_face.png", "the face is cut off by the picture's edge"),
        ("hostile/v_one_frame.mp4", "it is a video, not a PNG, JPEG or WebP picture"),
        ("nobody.png", ""),
    ],
)
def test_pictures_that_cannot_be_used(cli, here, media, speech, name, words):
    ran = cli("oneshot", media / name, "--audio", "hello.wav", "-o", "out.mp4", "--quiet")
    assert ran.code == 2
    assert words in ran.err.splitlines()[0]
    assert len(ran.err.splitlines()) <= 3
    assert [entry.name for entry in here.iterdir()] == ["hello.wav"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["portrait_painting_1432.jpg", "portrait_drawn_884.png", "hostile/p_grayscale_1ch.png"]
)
def test_a_portrait_speaks(cli, here, media, write_wav, name):
    times = np.arange(6400) / 16000
    write_wav(here / "a.wav", 0.1 * np.sin(2 * np.pi * 150 * times)[:, None], 16000)
    ran = cli("oneshot", media / name, "--audio", "a.wav", "-o", "out.mp4", "--refine", "1", "--json")
    assert ran.code == 0, ran.err
    assert ran.json["frames"] == 10
    assert ran.json["portrait_sha256"] == hashlib.sha256((media / name).read_bytes()).hexdigest()
