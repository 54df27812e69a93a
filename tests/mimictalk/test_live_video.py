"""Video into and sound out of a pipe: frames leave while others are drawn, in step, with no more than needed."""

import io
import os
import subprocess
import sys
import textwrap
import threading
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest
import torch
from PIL import Image

from mimictalk.console import Console
from mimictalk.errors import InputError, explain
from mimictalk.live_video import speak_live
from mimictalk.marks import SYNTHETIC
from mimictalk.render_job import RenderSettings
from mimictalk.video_settings import PIPE
from mimictalk.video_writer import StreamWriter

GREY = np.full((512, 512, 3), 90, np.uint8)


def ignore(*_: object) -> None:
    """Progress that nobody sees."""


class Sent:
    """A stream that remembers how much had come before each frame."""

    def __init__(self) -> None:
        self.content = b""

    def write(self, data: bytes) -> int:
        self.content += data
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""


def decoded(content: bytes) -> tuple[list[float], float]:
    """Times of the pictures, and seconds of sound."""
    with av.open(io.BytesIO(content)) as container:
        times = [frame.time for frame in container.decode(video=0)]
    with av.open(io.BytesIO(content)) as container:
        return times, sum(frame.samples / frame.sample_rate for frame in container.decode(audio=0))


def test_frames_leave_while_others_are_drawn():
    sent = Sent()
    sound = [np.zeros((48000, 2), np.float32)] * 2
    with StreamWriter(sent, sound, leader="sound", metadata={"comment": "c"}, size=(64, 64)) as writer:
        for index in range(25):
            writer.write(np.full((64, 64, 3), 5 * index, np.uint8))
        there = len(decoded(sent.content)[0])
    assert there >= 15  # one second less a fragment and the encoders' delay
    times, seconds = decoded(sent.content)
    assert times == pytest.approx(
        [index / 25 for index in range(50)]
    )  # the last one is held: the sound leads
    assert abs(seconds - 2) <= 0.04


def test_what_was_sent_before_an_error_stays_readable():
    sent = Sent()
    with (
        pytest.raises(KeyboardInterrupt),
        StreamWriter(sent, None, leader="picture", metadata={}, size=(64, 64)) as writer,
    ):
        for index in range(60):
            writer.write(np.full((64, 64, 3), index, np.uint8))
        raise KeyboardInterrupt
    with av.open(io.BytesIO(sent.content)) as container:
        assert sum(1 for _ in container.decode(video=0)) >= 50


@pytest.fixture
def stdin(monkeypatch):
    """Feeds stdin; the writing end stays with the test."""
    reader, writer = os.pipe()
    raw = os.fdopen(reader, "rb", buffering=0)
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=SimpleNamespace(raw=raw)))
    yield os.fdopen(writer, "wb", buffering=0)
    raw.close()


SOURCE = {
    "source_euler": torch.tensor([0.1, -0.2, 0.05]),
    "source_translation": torch.tensor([0.3, 0.1, -0.4]),
}
PERSON = SimpleNamespace(prompt=lambda: None, motion_tuning=lambda: None, tensors=lambda: SOURCE)


def test_sound_that_arrives_is_spoken_while_it_arrives(here, stdin, monkeypatch):
    """The sender holds back its last second until frames of the first one were drawn."""
    times = np.arange(32000) / 16000
    buzz = sum(np.sin(2 * np.pi * 120 * k * times) / k for k in range(1, 12))
    samples = (0.1 * 32767 * buzz).astype("<i2").tobytes()
    drawn, seen = [], threading.Event()
    waited: list[bool] = []

    def frames(motion):
        for euler in motion.euler:
            drawn.append(euler)
            if len(drawn) >= 15:
                seen.set()
            yield GREY

    def send() -> None:
        with stdin:
            stdin.write(samples[:32000])
            waited.append(seen.wait(timeout=60))
            stdin.write(samples[32000:])

    sender = threading.Thread(target=send, daemon=True)
    sender.start()
    settings = RenderSettings(audio=PIPE, audio_format="s16le", out=here / "out.mp4", pose="static")
    console = Console(quiet=True, err=io.StringIO())
    count = speak_live(
        here / "out.mp4",
        PERSON,
        settings,
        lambda: SimpleNamespace(frames=frames),
        {"comment": "c"},
        console,
        ignore,
    )
    sender.join(timeout=20)
    assert waited == [True]
    assert count == len(drawn) == 50
    # An average speaker's head, held still, stands where the person's stood.
    assert torch.allclose(torch.stack(drawn), SOURCE["source_euler"].expand(50, 3), atol=1e-5)
    pictures, seconds = decoded((here / "out.mp4").read_bytes())
    assert len(pictures) == 50
    assert abs(seconds - 2) <= 0.04


def test_no_sound_is_told_and_leaves_nothing(here, stdin):
    stdin.close()
    settings = RenderSettings(audio=PIPE, out=here / "out.mp4")
    console = Console(quiet=True, err=io.StringIO())
    with pytest.raises(InputError, match="stdin: no "):
        speak_live(here / "out.mp4", PERSON, settings, lambda: None, {}, console, ignore)
    assert list(here.iterdir()) == []


PROGRAM = textwrap.dedent(
    """
    import sys
    from types import SimpleNamespace
    import numpy as np, torch
    from mimictalk import cli, motion_sources, oneshot_job, one_shot_person
    from tiny_video_job import motion_of
    def renderer(*arguments):
        print("a library chats on stdout", flush=True)
        return SimpleNamespace(frames=lambda motion: (np.full((512, 512, 3), 90, np.uint8) for _ in motion.blink))
    track = SimpleNamespace(warnings=(), source_hash="cd" * 32)
    person = SimpleNamespace(track=track, renderer=renderer, prompt=lambda: None, motion_tuning=lambda: None)
    one_shot_person.PortraitPerson.of = classmethod(lambda cls, path, progress: person)
    motion_sources.motion_from_audio = lambda *arguments: motion_of(30)
    cli.main()
    """
)


def test_stdout_holds_the_video_alone(here, write_wav):
    write_wav(here / "a.wav", np.zeros((19200, 1)), 16000)
    Image.new("RGB", (64, 64)).save(here / "me.png")
    command = [sys.executable, "-c", PROGRAM, "oneshot", "me.png", "--audio", "a.wav", "-o", "-", "--json"]
    path = os.pathsep.join(map(str, [Path(__file__).parents[1] / "support"]))
    done = subprocess.run(
        command, cwd=here, capture_output=True, check=False, env={**os.environ, "PYTHONPATH": path}
    )
    assert done.returncode == 0, done.stderr
    times, seconds = decoded(done.stdout)
    assert len(times) == 30
    assert abs(seconds - 1.2) <= 0.04
    with av.open(io.BytesIO(done.stdout)) as container:
        assert SYNTHETIC in container.metadata["comment"]
    assert b'"frames": 30' in done.stderr
    assert b"a library chats" not in done.stdout
    assert sorted(entry.name for entry in here.iterdir()) == ["a.wav", "me.png"]


def test_a_reader_that_goes_is_told(here):
    reader, writer = os.pipe()
    os.close(reader)
    with pytest.raises(BrokenPipeError) as caught, os.fdopen(writer, "wb", buffering=0) as pipe:
        with StreamWriter(pipe, None, leader="picture", metadata={}, size=(64, 64)) as out:
            for _ in range(50):
                out.write(np.zeros((64, 64, 3), np.uint8))
    assert str(explain(caught.value)) == "stdout: the program that read it has gone\nStart both again."


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            {"audio": Path("a.wav"), "audio_format": "s16le"},
            "--audio-format: it says what comes through stdin",
        ),
        ({"audio": Path("a.wav"), "out": Path("a.avi")}, "a.avi: only mp4 is written"),
    ],
)
def test_wrong_use_is_told(options, words):
    with pytest.raises(InputError) as caught:
        RenderSettings(**options)
    assert str(caught.value).startswith(words)


def test_names_of_outputs():
    assert RenderSettings(audio=PIPE).output("me") == Path("me-live.mp4")
    assert RenderSettings(audio=PIPE, out=PIPE).output("me") == PIPE
