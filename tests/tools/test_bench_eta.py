"""The bench of the time left judges what the program says, and the tool for Ctrl-C sees what is not right."""

from pathlib import Path

import av
import pytest

from bench.eta import errors, longest
from bench.program_jobs import Report, repeated
from fault_injection.interrupts import kept
from numbered_clips import numbered_clip


def reports(left: float, stage: str = "draw") -> list[Report]:
    """100 s in which `left` more than the truth is told."""
    return [Report(at, stage, at, 100, 100 - at + left) for at in range(101)]


@pytest.mark.parametrize("left", [0.0, 20.0, -20.0])
def test_errors_are_shares_of_the_stage(left):
    found = errors(reports(left))
    assert len(found) == 90, "its first tenth and its end do not count"
    assert found == pytest.approx([abs(left) / 100] * 90)


def test_the_longest_stage_counts():
    brief = [Report(at, "look", at, 5, None) for at in range(5)]
    assert longest([*brief, *reports(0.0)])[0].stage == "draw"


def test_frames_that_were_drawn_must_be_kept(tmp_path: Path):
    work = tmp_path / ".mimictalk-render-out.mp4"
    work.mkdir()
    (work / "0000000-0000050.mp4").touch()
    assert kept("render", tmp_path, Report(9.0, "render", 99, 300, None)) == ""
    assert kept("render", tmp_path, Report(9.0, "render", 100, 300, None)) == "1 segments after 100 frames"
    assert kept("adapt", tmp_path, Report(9.0, "adapt", 7, 300, None)) == "7 steps were reported, 0 are kept"


def test_a_clip_follows_itself(tmp_path: Path):
    source = numbered_clip(tmp_path / "a.mp4", [index / 25 for index in range(10)], sound_seconds=0.4)
    repeated(source, tmp_path / "b.mp4", 3)
    with av.open(str(tmp_path / "b.mp4")) as container:
        times = [frame.time for frame in container.decode(video=0)]
    assert len(times) == 30
    assert all(later > before for before, later in zip(times, times[1:], strict=False))
