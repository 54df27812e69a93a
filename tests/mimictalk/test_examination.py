"""A file is looked at by a process that may die of it; this one lives and says in words what happened."""

import os
import socket
import subprocess
import sys
import wave
from pathlib import Path

import av
import numpy as np
import pytest

from mimictalk import examination, media_probe
from mimictalk.errors import InputError
from mimictalk.examination import examine
from mimictalk.media_probe import Limits


@pytest.fixture(autouse=True)
def _nothing_seen(monkeypatch):
    monkeypatch.setattr(examination, "_seen", {})


def video(
    path: Path, size: tuple[int, int] = (64, 64), frames: int = 5, streams: int = 1, codec: str = "libx264"
) -> Path:
    with av.open(str(path), "w", format="avi" if codec != "libx264" else "mp4") as container:
        made = []
        for _ in range(streams):
            stream = container.add_stream(codec, rate=25)
            stream.width, stream.height = size
            stream.pix_fmt = "yuv420p"
            made.append(stream)
        picture = np.random.default_rng(0).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
        for index in range(frames):
            for stream in made:
                frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuv420p")
                frame.pts = index
                container.mux(stream.encode(frame))
        for stream in made:
            container.mux(stream.encode(None))
    return path


def refusal(path: Path, limits: Limits | None = None) -> str:
    with pytest.raises(InputError) as caught:
        examine(path, limits)
    assert caught.value.exit_code == 2
    assert len(str(caught.value).splitlines()) == 2
    subject, cause = str(caught.value).splitlines()[0].rsplit(": ", 1)
    assert subject == str(path)
    return cause


def test_a_good_file_is_looked_at_once(here, monkeypatch):
    examine(video(here / "a.mp4"))
    monkeypatch.setattr(subprocess, "run", None)
    examine(here / "a.mp4")
    with pytest.raises(TypeError):  # changed, so it is looked at again
        examine(video(here / "a.mp4", frames=6))


@pytest.mark.parametrize(
    ("options", "limits", "cause"),
    [
        (
            {"size": (1920, 1088)},
            {"pixels": 2_000_000},
            "1920x1088 is more than the limit of 2 million pixels",
        ),
        ({"streams": 3}, {"streams": 2}, "it holds 3 streams, the limit is 2"),
        ({"frames": 50}, {"hours": 1 / 3600}, "its header claims 0 hours, the limit is 0"),
        (
            {"size": (4096, 4096), "frames": 2},
            {"memory": 170_000_000},
            "decoding it takes more than 0.2 GB of memory",
        ),
    ],
)
def test_more_than_the_limits(here, options, limits, cause):
    assert refusal(video(here / "a.mp4", **options), Limits(**limits)) == cause


def test_too_many_channels(here):
    with wave.open(str(here / "a.wav"), "wb") as file:
        file.setnchannels(9)
        file.setsampwidth(2)
        file.setframerate(16000)
        file.writeframes(bytes(18 * 16000))
    assert refusal(here / "a.wav", Limits(channels=8)) == "it has 9 sound channels, the limit is 8"
    examine(here / "a.wav")


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"ffconcat version 1.0\nfile secret.mp4\n", "list"),
        (b"\xef\xbb\xbf#EXTM3U\nhttp://127.0.0.1/a.ts\n", "list"),
        (b"v=0\no=- 0 0 IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n", "list"),
        (b'<?xml version="1.0"?><MPD><BaseURL>file.mp4</BaseURL></MPD>', "list"),
    ],
)
def test_lists_of_files_in_disguise(here, content, kind):
    (here / "innocent.mp4").write_bytes(content)
    assert refusal(here / "innocent.mp4") == "it is a list of other files, not a recording"


def test_what_is_no_regular_file(here):
    os.mkfifo(here / "pipe.mp4")
    (here / "folder.mp4").mkdir()
    listening = socket.socket(socket.AF_UNIX)
    listening.bind("socket.mp4")
    for name, kind in (("pipe", "a pipe"), ("folder", "a folder"), ("socket", "a socket")):
        assert refusal(here / f"{name}.mp4") == f"it is {kind}, not a regular file"
    listening.close()
    assert refusal(Path("/dev/zero")) == "it is a device, not a regular file"
    assert refusal(here / "gone.mp4") == "there is no such file"
    for name in ("http://127.0.0.1:1/a.mp4", "concat:/a.mp4", "file:/a.mp4", "rtmp://127.0.0.1/a"):
        assert refusal(Path(name)) == "it is an address"


DEATHS = {
    "os.kill(os.getpid(), signal.SIGSEGV)": "it makes the decoder crash (SIGSEGV)",
    "os.abort()": "it makes the decoder crash (SIGABRT)",
    "while True: pass": "decoding it takes more than 1 s of computing",
    "time.sleep(60)": "its decoder did not come to an end within 3 s",
    "held = [bytearray(1 << 24) for _ in range(1000)]": "decoding it takes more than 1.1 GB of memory",
    "open('left.txt', 'w').write('x' * 9)": None,
}


@pytest.mark.parametrize("fault", DEATHS)
def test_a_decoder_that_does_its_worst(here, monkeypatch, fault):
    """The child as it is, but with a decoder that a file has taken over."""
    program = (
        "import os, signal, sys, time\n"
        "from mimictalk import media_probe\n"
        "def taken_over(container, limits, facts):\n"
        f"    {fault}\n"
        "media_probe._decode = taken_over\n"
        "media_probe.main()\n"
    )
    (here / "hijacked.py").write_text(program)
    original = subprocess.run

    def run(command, **options):
        return original([sys.executable, str(here / "hijacked.py"), command[-1]], **options)

    monkeypatch.setattr(subprocess, "run", run)
    limits = Limits(memory=1 << 30, cpu=1 if "while" in fault else 20, wall=3.0 if "sleep" in fault else 60.0)
    video(here / "a.mp4")
    if DEATHS[fault] is None:
        examine(here / "a.mp4", limits)
        assert (here / "left.txt").stat().st_size == 0  # it may not write a single byte
    else:
        assert refusal(here / "a.mp4", limits) == DEATHS[fault]


@pytest.mark.parametrize(
    "said", [b"", b"[]", b'{"opened": "yes"}', b'{"opened": true, "memory": false, "width": "nan"}']
)
def test_what_the_child_says_is_not_believed_blindly(here, monkeypatch, said):
    done = subprocess.CompletedProcess([], 0, said)
    monkeypatch.setattr(subprocess, "run", lambda *given, **options: done)
    with pytest.raises(examination.RunError, match="the process that was to look at it failed"):
        examine(video(here / "a.mp4"))


def test_an_unlisted_decoder_is_not_run(here):
    video(here / "a.avi", codec="magicyuv")
    with (here / "a.avi").open("rb") as file:
        facts = media_probe.look(file, Limits())
    assert facts["opened"] and facts["decoded"] == 0
    with video(here / "b.mp4").open("rb") as file:
        assert media_probe.look(file, Limits())["decoded"] == 5


def test_what_cannot_be_opened_is_let_pass(here):
    (here / "a.mp4").write_bytes(b"not a video at all" * 100)
    examine(here / "a.mp4")
