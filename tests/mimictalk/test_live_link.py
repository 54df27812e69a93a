"""The CSV has the columns that Unreal's Live Link Face writes, and the numbers of the motion."""

import csv
import io
from types import SimpleNamespace

import pytest
import torch

from mimictalk.errors import InputError
from mimictalk.live_link import columns, timecode, to_csv
from mimictalk.motion_files import check_motion_file, write_csv


@pytest.fixture
def motion() -> SimpleNamespace:
    expression = torch.zeros(3, 64)
    expression[1, 0] = 0.25  # eyeBlinkLeft
    expression[2, 17] = 1.4  # jawOpen, more than ARKit knows
    expression[:, 52:] = 9.0  # residuals, for which there is no column
    euler = torch.tensor([[0.1, 0.2, 0.3]]).repeat(3, 1)
    gaze = torch.tensor([[0.01, -0.02]]).repeat(3, 1)
    return SimpleNamespace(
        expression=expression, euler=euler, translation=torch.zeros(3, 3), gaze=gaze, fps=25.0
    )


def rows(motion: SimpleNamespace) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(to_csv(motion))))


def test_columns_are_those_of_unreal():
    names = columns()
    assert len(names) == 2 + 61
    assert names[:4] == ["Timecode", "BlendShapeCount", "EyeBlinkLeft", "EyeLookDownLeft"]
    assert names[2 + 17] == "JawOpen"
    assert names[2 + 51] == "TongueOut"
    assert names[-9:-6] == ["HeadYaw", "HeadPitch", "HeadRoll"]
    assert len({*names}) == len(names)


def test_numbers_land_in_their_columns(motion):
    first, second, third = rows(motion)
    assert {row["BlendShapeCount"] for row in (first, second, third)} == {"61"}
    assert [row["EyeBlinkLeft"] for row in (first, second, third)] == ["0.000000", "0.250000", "0.000000"]
    assert third["JawOpen"] == "1.000000"
    assert (first["HeadPitch"], first["HeadYaw"], first["HeadRoll"]) == ("0.100000", "0.200000", "0.300000")
    assert first["LeftEyePitch"] == first["RightEyePitch"] == "0.010000"
    assert first["LeftEyeYaw"] == first["RightEyeYaw"] == "-0.020000"


@pytest.mark.parametrize(
    ("frame", "text"), [(0, "00:00:00:00.000"), (24, "00:00:00:24.000"), (25 * 3661 + 3, "01:01:01:03.000")]
)
def test_timecode(frame, text):
    assert timecode(frame, 25) == text


def test_the_file_is_written_whole(here, motion):
    write_csv(here / "a.csv", motion)
    assert (here / "a.csv").read_text() == to_csv(motion)
    assert [entry.name for entry in here.iterdir()] == ["a.csv"]


def test_names_that_cannot_be_written(here):
    (here / "clip.csv").write_text("x")
    (here / "folder.csv").mkdir()
    source = here / "clip.csv"
    for name, words in [
        ("a.txt", "only .csv and .safetensors are written"),
        ("folder.csv", "it is a folder"),
        ("clip.csv", "it would overwrite its own input"),
    ]:
        with pytest.raises(InputError, match=words):
            check_motion_file(here / name, source)
    assert check_motion_file(here / "b.CSV", source) == here / "b.CSV"
