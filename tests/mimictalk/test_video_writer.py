"""What was written is decoded again: frames, times, sound in step, and nothing left behind by a failure."""

import resource
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest

from mimictalk.errors import RunError
from mimictalk.sound import SAMPLE_RATE, read_sound
from mimictalk.video_writer import FPS, VideoWriter

FRAME = 1 / FPS


def clicks(seconds: float, at: tuple[float, ...] = (), block: int = 5000) -> Iterator[np.ndarray]:
    """Silence with a click of 2 ms at each given time, in blocks of an awkward length."""
    samples = np.zeros((round(seconds * SAMPLE_RATE), 2), np.float32)
    for time in at:
        samples[round(time * SAMPLE_RATE) :][:96] = 0.8
    for begin in range(0, len(samples), block):
        yield samples[begin : begin + block]


def picture(value: int = 90, size: int = 64) -> np.ndarray:
    return np.full((size, size, 3), value, np.uint8)


def write(path: Path, frames: int, sound: Iterator[np.ndarray] | None, leader: str, size: int = 64) -> None:
    with VideoWriter(path, sound, leader=leader, metadata={"comment": "c"}, size=(size, size)) as writer:
        for index in range(frames):
            writer.write(picture(40 + 2 * index % 160, size))


def pictures_of(path: Path) -> list[av.VideoFrame]:
    with av.open(str(path)) as container:
        return list(container.decode(video=0))


def sound_of(path: Path) -> np.ndarray:
    """(n,) the left channel at 48 kHz, as a player hears it."""
    with av.open(str(path)) as container:
        frames = list(container.decode(audio=0))
        assert frames[0].time == 0
        return np.concatenate([frame.to_ndarray()[0] for frame in frames])


def test_streams_are_what_players_expect(here):
    write(here / "a.mp4", 30, clicks(1.2), "sound")
    with av.open(str(here / "a.mp4")) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        assert (video.codec_context.name, video.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert (video.average_rate, video.start_time) == (FPS, 0)
        assert (audio.codec_context.name, audio.rate, audio.start_time) == ("aac", SAMPLE_RATE, 0)
        assert container.metadata["comment"] == "c"


@pytest.mark.parametrize(
    ("frames", "seconds", "leader", "wanted"),
    [
        (50, 2.0, "sound", 50),
        (50, 1.5, "sound", 50),  # silence follows
        (50, 2.013, "sound", 51),  # the last frame is held: no speech is cut
        (50, 3.0, "sound", 75),
        (50, 3.0, "picture", 50),  # the sound ends with the picture
        (50, 1.5, "picture", 50),
        (1, 0.02, "sound", 1),
    ],
)
def test_sound_and_picture_end_together(here, frames, seconds, leader, wanted):
    write(here / "a.mp4", frames, clicks(seconds), leader)
    times = [frame.time for frame in pictures_of(here / "a.mp4")]
    assert times == pytest.approx([index * FRAME for index in range(wanted)])
    assert abs(len(sound_of(here / "a.mp4")) / SAMPLE_RATE - wanted * FRAME) <= FRAME


def test_sound_is_in_step(here):
    at = (0.5, 3.0, 7.48)
    write(here / "a.mp4", 200, clicks(8.0, at), "sound")
    heard = np.abs(sound_of(here / "a.mp4"))
    for time in at:
        window = heard[round((time - 0.1) * SAMPLE_RATE) : round((time + 0.1) * SAMPLE_RATE)]
        onset = np.flatnonzero(window > 0.3)[0] / SAMPLE_RATE - 0.1
        assert abs(onset) < 0.003


def test_colours_survive(here):
    colours = [(200, 60, 30), (20, 200, 90), (128, 128, 128), (250, 250, 250), (5, 5, 60)]
    with VideoWriter(here / "a.mp4", None, leader="picture", metadata={}, size=(64, 64)) as writer:
        for colour in colours:
            writer.write(np.full((64, 64, 3), colour, np.uint8))
    for frame, colour in zip(pictures_of(here / "a.mp4"), colours, strict=True):
        # 8-bit limited-range YUV cannot hold every RGB value; 4 levels is what rounding costs.
        assert np.abs(frame.to_ndarray(format="rgb24").astype(int) - colour).max() <= 4
        assert frame.colorspace == 1  # BT.709, said in the file


def test_without_sound_there_is_no_sound_track(here):
    write(here / "a.mp4", 10, None, "picture")
    with av.open(str(here / "a.mp4")) as container:
        assert not container.streams.audio
    assert len(pictures_of(here / "a.mp4")) == 10


def test_nothing_appears_before_the_end(here):
    with VideoWriter(here / "a.mp4", clicks(1), leader="sound", metadata={}, size=(64, 64)) as writer:
        writer.write(picture())
        assert not (here / "a.mp4").exists()
    assert [entry.name for entry in here.iterdir()] == ["a.mp4"]


def test_an_error_leaves_the_old_video(here):
    (here / "a.mp4").write_bytes(b"old")
    with (
        pytest.raises(ValueError, match=r"a frame must be \(64, 64, 3\) uint8, got \(32, 32, 3\) uint8"),
        VideoWriter(here / "a.mp4", clicks(1), leader="sound", metadata={}, size=(64, 64)) as writer,
    ):
        writer.write(picture(size=32))
    assert [entry.name for entry in here.iterdir()] == ["a.mp4"]
    assert (here / "a.mp4").read_bytes() == b"old"


def test_a_broken_sound_leaves_nothing(here):
    def broken() -> Iterator[np.ndarray]:
        yield np.zeros((SAMPLE_RATE, 2), np.float32)
        raise OSError("the stick was pulled out")

    with pytest.raises(OSError, match="pulled out"):
        write(here / "a.mp4", 60, broken(), "sound")
    assert list(here.iterdir()) == []


def test_no_frame_is_an_error(here):
    with pytest.raises(RunError, match="no frame was rendered"):
        write(here / "a.mp4", 0, clicks(1), "sound")
    assert list(here.iterdir()) == []


@pytest.mark.parametrize("limit", [1_000, 60_000, 130_000])
def test_a_full_disk_leaves_the_old_video_and_is_explained(here, limit):
    (here / "a.mp4").write_bytes(b"old")
    program = textwrap.dedent(
        f"""
        import resource, sys
        import numpy as np
        from pathlib import Path
        from mimictalk.errors import explain
        from mimictalk.video_writer import VideoWriter
        resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
        noise = np.random.default_rng(0).integers(0, 255, (40, 128, 128, 3), dtype=np.uint8)
        try:
            with VideoWriter(Path("a.mp4"), None, leader="picture", metadata={{}}, size=(128, 128)) as writer:
                for frame in noise:
                    writer.write(frame)
        except Exception as error:
            print(explain(error))
            sys.exit(explain(error).exit_code)
        """
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=here, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stderr
    assert "limit on file size was reached" in done.stdout
    assert [entry.name for entry in here.iterdir()] == ["a.mp4"]
    assert (here / "a.mp4").read_bytes() == b"old"


def test_a_killed_process_leaves_nothing_the_next_one_does_not_clear(here):
    program = textwrap.dedent(
        """
        import os, signal
        import numpy as np
        from pathlib import Path
        from mimictalk.video_writer import VideoWriter
        with VideoWriter(Path("a.mp4"), None, leader="picture", metadata={}, size=(64, 64)) as writer:
            for value in range(60):
                writer.write(np.full((64, 64, 3), value, np.uint8))
            os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=here, check=False)
    assert done.returncode == -9
    assert not (here / "a.mp4").exists()
    write(here / "b.mp4", 5, None, "picture")
    assert [entry.name for entry in here.iterdir()] == ["b.mp4"]


def test_memory_does_not_grow_with_length(here):
    def peak() -> int:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    write(here / "short.mp4", 100, clicks(4), "sound", 128)
    before = peak()
    with VideoWriter(here / "a.mp4", clicks(60), leader="sound", metadata={}, size=(128, 128)) as writer:
        for index in range(1500):
            writer.write(picture(index % 200, 128))
    # 1,400 more frames of 49 kB would be 69 MB; the clicks of this test themselves are 23 MB.
    assert peak() - before < 35_000


def test_what_is_written_is_read_in_step_again(here):
    write(here / "a.mp4", 50, clicks(2.0, (1.0,)), "sound")
    samples = np.concatenate(list(read_sound(here / "a.mp4")))
    assert abs(np.flatnonzero(np.abs(samples[:, 0]) > 0.3)[0] / SAMPLE_RATE - 1.0) < 0.003
