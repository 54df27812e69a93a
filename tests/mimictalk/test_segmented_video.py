"""A video in segments: whatever happens on the way, the result is that of a run without any of it."""

import io
import resource
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest

import tiny_video_job
from mimictalk.console import Console
from mimictalk.errors import RunError, explain
from mimictalk.segmented_video import make_video, work_folder
from mimictalk.segments import FRAMES, spans
from mimictalk.sound import SAMPLE_RATE
from tiny_video_job import job, number_in

TOTAL = 2 * FRAMES + 17
CLICKS = (0.5, 2.0, 4.4)  # seconds


@pytest.fixture
def sound(here, write_wav) -> Path:
    samples = np.zeros((round(TOTAL / 25 * 16000), 1))
    for click in CLICKS:
        samples[round(click * 16000) :][:32] = 0.8
    return write_wav(here / "a.wav", samples, 16000)


@pytest.fixture
def console() -> Console:
    return Console(out=io.StringIO(), err=io.StringIO())


def ignore(*_: object) -> None:
    """Progress that nobody sees."""


def numbers(path: Path) -> list[int]:
    """The frames of a video, by what is drawn on them, checked to be 40 ms apart."""
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
    assert [frame.time for frame in frames] == pytest.approx([index / 25 for index in range(len(frames))])
    return [number_in(frame.to_ndarray(format="rgb24")) for frame in frames]


@pytest.fixture
def undisturbed(here, sound, console) -> bytes:
    """The file as a run makes it that nothing happens to."""
    make_video(job(sound, here / "whole.mp4", TOTAL), console, ignore)
    return (here / "whole.mp4").read_bytes()


def entries(here: Path) -> list[str]:
    return sorted(entry.name for entry in here.iterdir())


def test_spans():
    assert spans(TOTAL) == [(0, 50), (50, 100), (100, 117)]
    assert spans(50) == [(0, 50)]


def test_frames_sound_and_marks(here, undisturbed):
    assert numbers(here / "whole.mp4") == list(range(TOTAL))
    with av.open(str(here / "whole.mp4")) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        assert (video.codec_context.name, video.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert (video.average_rate, video.start_time, video.frames) == (25, 0, TOTAL)
        assert (audio.codec_context.name, audio.rate, audio.start_time) == ("aac", SAMPLE_RATE, 0)
        assert container.metadata["comment"] == "c"
        heard = np.abs(np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)]))
    assert abs(len(heard) / SAMPLE_RATE - TOTAL / 25) <= 0.04
    for click in CLICKS:
        window = heard[round((click - 0.1) * SAMPLE_RATE) : round((click + 0.1) * SAMPLE_RATE)]
        assert abs(np.flatnonzero(window > 0.3)[0] / SAMPLE_RATE - 0.1) < 0.003
    assert undisturbed.index(b"moov") < undisturbed.index(b"mdat"), "a player can begin at once"
    assert entries(here) == ["a.wav", "whole.mp4"]


@pytest.mark.parametrize(
    ("frames", "leader", "wanted"), [(100, "sound", 117), (100, "picture", 100), (130, "sound", 130)]
)
def test_who_decides_the_length(here, sound, console, frames, leader, wanted):
    assert make_video(job(sound, here / "a.mp4", frames, leader=leader), console, ignore) == wanted
    assert numbers(here / "a.mp4") == [min(index, frames - 1) for index in range(wanted)]


@pytest.mark.parametrize(
    ("place", "count", "segments"),
    [
        ("frame", 71, 1),
        ("fsync", 12, 2),  # of the third segment's line in the journal, after its file was renamed
        ("replace", 5, 3),  # when all is joined
    ],
)
def test_a_kill_costs_at_most_one_segment(here, sound, console, undisturbed, place, count, segments):
    command = [sys.executable, tiny_video_job.__file__, sound, "out.mp4", str(TOTAL), place, str(count)]
    done = subprocess.run(command, cwd=here, check=False, capture_output=True, text=True)
    assert done.returncode == -9, done.stderr
    assert not (here / "out.mp4").exists()
    assert len(list(work_folder(Path("out.mp4")).glob("*-*.mp4"))) >= segments
    drawn: list[int] = []

    def motion() -> None:
        raise AssertionError("the motion is on the disk")

    make_video(job(sound, Path("out.mp4"), TOTAL, before=drawn.append, motion=motion), console, ignore)
    assert len(drawn) <= TOTAL - FRAMES * min(segments, 2)
    assert (here / "out.mp4").read_bytes() == undisturbed
    assert entries(here) == ["a.wav", "out.mp4", "whole.mp4"]


@pytest.mark.parametrize("at", [0, 49, 50, 99, 116])
def test_ctrl_c_keeps_closed_segments_and_says_so(here, sound, console, undisturbed, at):
    def before(number: int) -> None:
        if number == at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_video(job(sound, Path("out.mp4"), TOTAL, before=before), console, ignore)
    kept = ["The motion is kept", "2 s of video are kept", "4 s of video are kept"][at // FRAMES]
    assert console.how_to_go_on == f"{kept} in .mimictalk-render-out.mp4; run the same command to go on."
    drawn: list[int] = []
    make_video(job(sound, Path("out.mp4"), TOTAL, before=drawn.append), console, ignore)
    assert drawn == list(range(at // FRAMES * FRAMES, TOTAL))
    assert (here / "out.mp4").read_bytes() == undisturbed
    assert (f"going on: {2 * (at // FRAMES)} s of 5 s are done already\n" in console.err.getvalue()) == (
        at >= FRAMES
    )


def stopped(sound: Path, console: Console, at: int = 116, **changes: object) -> Path:
    """A work folder with two closed segments."""

    def before(number: int) -> None:
        if number == at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_video(job(sound, Path("out.mp4"), TOTAL, before=before), console, ignore)
    return work_folder(Path("out.mp4"))


def test_other_settings_take_nothing_up(here, sound, console):
    stopped(sound, console)
    drawn: list[int] = []
    make_video(job(sound, Path("out.mp4"), TOTAL, key="other", before=drawn.append), console, ignore)
    assert drawn == list(range(TOTAL))


@pytest.mark.parametrize("damage", ["bit", "cut", "gone"])
def test_a_damaged_segment_is_made_again_alone(here, sound, console, undisturbed, damage):
    first = stopped(sound, console) / "0000000-0000050.mp4"
    content = bytearray(first.read_bytes())
    content[len(content) // 2] ^= 1
    first.write_bytes(content if damage == "bit" else content[:-9])
    if damage == "gone":
        first.unlink()
    drawn: list[int] = []
    make_video(job(sound, Path("out.mp4"), TOTAL, before=drawn.append), console, ignore)
    assert drawn == [*range(50), *range(100, TOTAL)]
    assert (here / "out.mp4").read_bytes() == undisturbed


@pytest.mark.parametrize("limit", [100, 4_000, 30_000])
def test_a_full_disk_keeps_the_old_video_and_what_was_done(here, sound, console, undisturbed, limit):
    (here / "out.mp4").write_bytes(b"old")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        with pytest.raises(OSError) as caught:
            make_video(job(sound, Path("out.mp4"), TOTAL), console, ignore)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    told = explain(caught.value)
    assert isinstance(told, RunError) and "limit on file size was reached" in str(told)
    assert (here / "out.mp4").read_bytes() == b"old"
    assert not list(here.glob(".mimictalk-render-*/*.part"))
    make_video(job(sound, Path("out.mp4"), TOTAL), console, ignore)
    assert (here / "out.mp4").read_bytes() == undisturbed


def test_nothing_to_draw_is_an_error(here, sound, console):
    with pytest.raises(RunError, match="no frame was rendered"):
        make_video(job(sound, Path("out.mp4"), 0), console, ignore)
    assert entries(here) == ["a.wav"]


def test_progress_counts_what_was_done_before(here, sound, console):
    stopped(sound, console)
    told: list[tuple[str, int, int]] = []
    make_video(
        job(sound, Path("out.mp4"), TOTAL),
        console,
        lambda stage, done, total, facts: told.append((stage, done, total)),
    )
    assert told[0] == ("render", 100, TOTAL)
    assert told[17] == ("render", TOTAL, TOTAL)
    assert told[-1] == ("join", TOTAL, TOTAL)
