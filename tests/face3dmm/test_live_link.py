"""The CSV of Live Link Face: a take written by hand, what the writer promises, and files that are none."""

import math
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from face3dmm import ARKIT_NAMES, Camera, FaceModel, InputError, track_video
from face3dmm.arkit_weights import ArkitMotion, arkit_motion, coeffs_from_arkit
from face3dmm.camera import rotation_from_euler
from face3dmm.live_link import COLUMNS, RATES, read_live_link, timecode, write_live_link

# The header of a take of the app, letter by letter.
HEADER = (
    "Timecode,BlendshapeCount,EyeBlinkLeft,EyeLookDownLeft,EyeLookInLeft,EyeLookOutLeft,EyeLookUpLeft,"
    "EyeSquintLeft,EyeWideLeft,EyeBlinkRight,EyeLookDownRight,EyeLookInRight,EyeLookOutRight,EyeLookUpRight,"
    "EyeSquintRight,EyeWideRight,JawForward,JawRight,JawLeft,JawOpen,MouthClose,MouthFunnel,MouthPucker,MouthRight,"
    "MouthLeft,MouthSmileLeft,MouthSmileRight,MouthFrownLeft,MouthFrownRight,MouthDimpleLeft,MouthDimpleRight,"
    "MouthStretchLeft,MouthStretchRight,MouthRollLower,MouthRollUpper,MouthShrugLower,MouthShrugUpper,MouthPressLeft,"
    "MouthPressRight,MouthLowerDownLeft,MouthLowerDownRight,MouthUpperUpLeft,MouthUpperUpRight,BrowDownLeft,"
    "BrowDownRight,BrowInnerUp,BrowOuterUpLeft,BrowOuterUpRight,CheekPuff,CheekSquintLeft,CheekSquintRight,"
    "NoseSneerLeft,NoseSneerRight,TongueOut,HeadYaw,HeadPitch,HeadRoll,LeftEyeYaw,LeftEyePitch,LeftEyeRoll,"
    "RightEyeYaw,RightEyePitch,RightEyeRoll"
)
PLACE = {name: place for place, name in enumerate(HEADER.split(","))}


def row(code: str, **values: object) -> str:
    """A row of zeros but for the columns named."""
    cells = [code, "61", *["0.0000000000"] * 61]
    for name, value in values.items():
        cells[PLACE[name]] = str(value)
    return ",".join(cells)


def take(*rows: str, header: str = HEADER, end: str = "\n") -> bytes:
    return (end.join([header, *rows]) + end).encode()


def read(folder: Path, content: bytes, **options: float) -> ArkitMotion:
    path = folder / "take.csv"
    path.write_bytes(content)
    return read_live_link(path, **options)


def motion(frames: int, fps: float = 25.0, **weights: object) -> ArkitMotion:
    values = torch.zeros(frames, 52)
    for name, value in weights.items():
        values[:, ARKIT_NAMES.index(name)] = torch.as_tensor(value, dtype=torch.float32)
    return ArkitMotion(values, torch.zeros(frames, 3), torch.zeros(frames, 2), fps)


GOLDEN = take(
    row(
        "14:58:02:59.000",
        JawOpen="0.4000000000",
        EyeBlinkLeft=0.25,
        HeadYaw=0.2,
        LeftEyeYaw=0.1,
        RightEyeYaw=0.1,
    ),
    row(
        "14:58:03:00.000",
        JawOpen="0.6000000000",
        EyeBlinkLeft=0.75,
        HeadYaw=0.2,
        LeftEyePitch=0.3,
        RightEyePitch=0.1,
    ),
)


@pytest.mark.parametrize("dress", ["as is", "bom", "crlf", "old header", "other order"])
def test_a_take_of_two_rows(tmp_path: Path, dress: str) -> None:
    content = GOLDEN
    if dress == "bom":
        content = b"\xef\xbb\xbf" + content
    if dress == "crlf":
        content = content.replace(b"\n", b"\r\n")
    if dress == "old header":
        content = content.replace(b"BlendshapeCount", b"BlendShapeCount")
    if dress == "other order":
        rows = [line.split(",") for line in content.decode().splitlines()]
        content = "\n".join(",".join([*cells[::-1], "more"]) for cells in rows).encode()
    found = read(tmp_path, content, fps=60.0)
    assert len(found) == 2 and found.fps == 60.0
    assert found.weights[:, ARKIT_NAMES.index("jawOpen")].tolist() == pytest.approx([0.4, 0.6])
    assert found.weights[:, ARKIT_NAMES.index("eyeBlinkLeft")].tolist() == pytest.approx([0.25, 0.75])
    assert found.weights.sum() == pytest.approx(2.0)
    # Yaw of the file is to the subject's right, ours to the left; pitch is down in both.
    assert found.euler.numpy() == pytest.approx(np.array([[0, -0.2, 0]] * 2), abs=1e-6)
    assert found.gaze.numpy() == pytest.approx(np.array([[0, -0.1], [0.2, 0]]), abs=1e-6)


def test_what_is_written(tmp_path: Path) -> None:
    euler = torch.tensor([[0.1, 0.0, 0.0], [0.0, 0.2, 0.0], [0.0, 0.0, 0.3]])
    gaze = torch.tensor([[0.1, 0.0], [0.0, 0.2], [0.0, 0.0]])
    shown = ArkitMotion(motion(3, jawOpen=0.4).weights, euler, gaze, 60.0)
    write_live_link(tmp_path / "a.csv", shown)
    lines = (tmp_path / "a.csv").read_bytes().decode().split("\n")
    assert lines[0] == HEADER and lines[-1] == "" and len(lines) == 5
    cells = [dict(zip(HEADER.split(","), line.split(","), strict=True)) for line in lines[1:4]]
    assert [one["Timecode"] for one in cells] == ["00:00:00:00.000", "00:00:00:01.000", "00:00:00:02.000"]
    assert {one["BlendshapeCount"] for one in cells} == {"61"}
    assert all(re.fullmatch(r"-?\d\.\d{10}", text) for one in cells for text in [*one.values()][2:])
    assert "-0.0000000000" not in ",".join(lines)
    assert [float(one["JawOpen"]) for one in cells] == pytest.approx([0.4] * 3)
    assert [float(one["HeadPitch"]) for one in cells] == pytest.approx([0.1, 0, 0], abs=1e-7)
    assert [float(one["HeadYaw"]) for one in cells] == pytest.approx([0, -0.2, 0], abs=1e-7)
    assert [float(one["HeadRoll"]) for one in cells] == pytest.approx([0, 0, -0.3], abs=1e-7)
    for side in ("Left", "Right"):
        assert [float(one[f"{side}EyePitch"]) for one in cells] == pytest.approx([0.1, 0, 0])
        assert [float(one[f"{side}EyeYaw"]) for one in cells] == pytest.approx([0, -0.2, 0])
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.csv"]
    assert ",".join(COLUMNS) == HEADER


@pytest.mark.parametrize(("frame", "fps", "code"), [(0, 60, "00:00:00:00.000"), (59, 60, "00:00:00:59.000"), (60 * 3661 + 3, 60, "01:01:01:03.000"), (24, 25, "00:00:00:24.000"), (30 * 86400, 30, "00:00:00:00.000")])  # fmt: skip
def test_time_codes(frame: int, fps: int, code: str) -> None:
    assert timecode(frame, fps) == code


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("frames", [1, 2, 40, 63])
def test_a_motion_lasts_as_long_in_the_file(tmp_path: Path, rate: int, frames: int) -> None:
    ramp = torch.linspace(0, 1, frames)
    write_live_link(tmp_path / "a.csv", motion(frames, jawOpen=ramp), fps=rate)
    found = read_live_link(tmp_path / "a.csv", timecode_rate=rate)
    assert abs(len(found) - frames) <= (rate < 25)
    # A straight line stays one; where frames are sparser than in the clip the last of them holds its value.
    inner = slice(0, max(1, frames - 2))
    jaw = found.weights[:, ARKIT_NAMES.index("jawOpen")]
    assert jaw[inner].tolist() == pytest.approx(ramp[inner].tolist(), abs=1e-6)


@pytest.mark.parametrize("rate", [25, 50])
def test_multiples_of_25_keep_every_frame(tmp_path: Path, rate: int) -> None:
    source = torch.Generator().manual_seed(1)
    sent = ArkitMotion(
        torch.rand(70, 52, generator=source),
        0.8 * torch.randn(70, 3, generator=source).clamp(-1.5, 1.5),
        0.3 * torch.randn(70, 2, generator=source),
    )
    write_live_link(tmp_path / "a.csv", sent, fps=rate)
    found = read_live_link(tmp_path / "a.csv")  # the rate of the time codes is found
    assert torch.allclose(found.weights, sent.weights, atol=1e-6)
    assert torch.allclose(found.gaze, sent.gaze, atol=1e-6)
    assert torch.allclose(rotation_from_euler(found.euler), rotation_from_euler(sent.euler), atol=2e-5)


def test_60_rows_a_second_are_25_frames_by_time_code(tmp_path: Path) -> None:
    # A constant speed of 0.1 per second, recorded at 59.94: 1.001 of a frame of time code per row.
    rows = []
    for frame in range(301):
        ticks = frame * 1.001
        second, part = divmod(ticks, 60)
        rows.append(row(f"23:59:{57 + int(second):02d}:{part:06.3f}", JawOpen=0.1 * ticks / 60) if second < 3 else
                    row(f"00:00:{int(second) - 3:02d}:{part:06.3f}", JawOpen=0.1 * ticks / 60))  # fmt: skip
    found = read(tmp_path, take(*rows))
    jaw = found.weights[:, ARKIT_NAMES.index("jawOpen")]
    assert len(found) == 126  # 5.02 s
    assert jaw.tolist() == pytest.approx((0.1 * np.arange(126) / 25).tolist(), abs=1e-4)


def test_a_take_at_30_in_time_codes_of_60(tmp_path: Path) -> None:
    rows = [row(f"13:13:04:{31.652 + 2 * frame:06.3f}", JawOpen=0.01 * frame) for frame in range(14)]
    rows += [
        row(f"13:13:05:{31.652 + 2 * frame - 60:06.3f}", JawOpen=0.01 * frame) for frame in range(15, 20)
    ]
    found = read(tmp_path, take(*rows), fps=30.0)
    assert found.weights[:, ARKIT_NAMES.index("jawOpen")].tolist() == pytest.approx(
        [0.01 * x for x in range(20)], abs=1e-5
    )


def test_angles_go_the_shorter_way(tmp_path: Path) -> None:
    content = take(row("00:00:00:00.000", HeadRoll=3.1), row("00:00:00:02.000", HeadRoll=-3.1))
    found = read(tmp_path, content, fps=60.0)
    assert abs(float(found.euler[1, 2])) == pytest.approx(math.pi, abs=1e-5)


def test_rows_without_a_face_are_bridged(tmp_path: Path) -> None:
    lost = "00:00:00:01.000,0"
    content = take(row("00:00:00:00.000", JawOpen=0.2), lost, "", row("00:00:00:02.000", JawOpen=0.4))
    assert read(tmp_path, content, fps=60.0).weights[:, ARKIT_NAMES.index("jawOpen")].tolist()[
        :2
    ] == pytest.approx([0.2, 0.3])


def test_without_eye_angles_the_look_weights_tell_the_gaze(tmp_path: Path) -> None:
    found = read(tmp_path, take(row("00:00:00:00.000", EyeLookOutLeft=0.5, EyeLookInRight=0.5)))
    assert found.gaze.numpy() == pytest.approx(np.array([[0.0, 0.3]]))


BAD = {
    "empty": (b"", "line 1 is not the header"),
    "another table": (b"a;b;c\n1;2;3\n", "line 1 is not the header"),
    "no row": (take(), "no row with a face"),
    "only lost rows": (take("00:00:00:00.000,0"), "no row with a face"),
    "a column less": (take(header=HEADER.replace("JawOpen,", "")), "line 1 lacks the column JawOpen"),
    "only shapes": (take(header=HEADER.partition(",HeadYaw")[0]), "line 1 lacks the column HeadYaw, HeadPitch, HeadRoll and 6 more"),
    "a column twice": (take(header=HEADER + ",jawopen"), "line 1 has the column JawOpen twice"),
    "a short row": (take(row("00:00:00:00.000"), "00:00:00:01.000,61,0.5"), "line 3 has 3 columns"),
    "a word": (take(row("00:00:00:00.000", JawOpen="wide")), "line 2: JawOpen is 'wide'"),
    "NaN": (take(row("00:00:00:00.000", JawOpen="nan")), "line 2: JawOpen is 'nan'"),
    "infinity": (take(row("00:00:00:00.000", HeadYaw="-inf")), "line 2: HeadYaw is '-inf'"),
    "per cent": (take(row("00:00:00:00.000", JawOpen="40")), "weights go from 0 to 1"),
    "degrees": (take(row("00:00:00:00.000", HeadYaw="12.5")), "angles are radians"),
    "no time code": (take(row("1.5")), "line 2: '1.5' is no time code"),
    "backwards": (take(row("00:00:01:00.000"), row("00:00:00:59.000")), "line 3: its time code is not after"),
    "twice the time": (take(row("00:00:01:00.000"), row("00:00:01:00.000")), "line 3: its time code is not after"),
    "frame 300": (take(row("00:00:00:300.000")), "line 2: frame 300"),
    "six hours": (take(row("00:00:00:00.000"), row("06:00:00:00.000")), "6.0 hours"),
    "Latin-1": (take(row("00:00:00:00.000")) + "é".encode("latin-1"), "line 3 is not UTF-8"),
    "UTF-16": (GOLDEN.decode().encode("utf-16"), "line 1 is not UTF-8"),
    "an open quote": (take('"' + "x" * 200_000), "is no CSV"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_files_that_are_no_take(tmp_path: Path, name: str) -> None:
    content, words = BAD[name]
    with pytest.raises(InputError, match=re.escape(words)) as caught:
        read(tmp_path, content)
    assert len(str(caught.value).splitlines()) <= 3


def test_files_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(InputError, match="cannot be read"):
            read_live_link(path)
    monkeypatch.setattr("face3dmm.live_link.MAX_BYTES", 100)
    with pytest.raises(InputError, match="larger than"):
        read(tmp_path, GOLDEN)


def test_wrong_use(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="fps must be one of .*, got 29"):
        write_live_link(tmp_path / "a.csv", motion(2), fps=29)
    for bad in (motion(0), motion(2, jawOpen=float("nan")), motion(2, jawOpen=40.0)):
        with pytest.raises(ValueError, match="cannot be written"):
            write_live_link(tmp_path / "a.csv", bad)
    assert list(tmp_path.iterdir()) == []
    for options in ({"fps": 0.0}, {"timecode_rate": float("nan")}):
        with pytest.raises(ValueError, match=r"must lie in \(0, 1000\]"):
            read(tmp_path, GOLDEN, **options)


cell = st.one_of(
    st.floats(width=32).map(str), st.sampled_from(["", "0", "1e999", "0x1", '"', "00:00:00:01.000"])
)
lines = st.lists(st.one_of(st.lists(cell, max_size=64).map(",".join), st.builds(row, st.from_regex(r"0?[0-9]:00:[0-9]{2}:[0-9]{2}(\.[0-9]+)?", fullmatch=True), JawOpen=cell)), max_size=4)  # fmt: skip


@given(
    st.one_of(
        st.binary(max_size=300), st.text(max_size=300).map(str.encode), lines.map(lambda rows: take(*rows))
    )
)
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_is_a_take_or_told_what_is_wrong(tmp_path: Path, content: bytes) -> None:
    try:
        found = read(tmp_path, content)
    except InputError as error:
        found, words = None, str(error)
    if found is None:
        assert len(words.splitlines()) <= 3
    else:
        assert len(found) and bool(found.weights.isfinite().all() and found.euler.isfinite().all())


@example(frames=7, rate=24, fps=113.0, seed=0)  # one row: it lasts as long as its time code counts
@given(
    frames=st.integers(1, 40), rate=st.sampled_from(RATES), fps=st.floats(10, 120), seed=st.integers(0, 99)
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_motion_comes_back_within_its_range(
    tmp_path: Path, frames: int, rate: int, fps: float, seed: int
) -> None:
    source = torch.Generator().manual_seed(seed)
    sent = ArkitMotion(
        torch.rand(frames, 52, generator=source), torch.zeros(frames, 3), torch.zeros(frames, 2), fps
    )
    write_live_link(tmp_path / "a.csv", sent, fps=rate)
    found = read_live_link(tmp_path / "a.csv", fps=fps, timecode_rate=rate)
    assert abs(len(found) - frames) <= max(1, fps / rate)
    assert (found.weights <= sent.weights.amax(0) + 1e-6).all() and (
        found.weights >= sent.weights.amin(0) - 1e-6
    ).all()


def test_a_real_clip_keeps_its_landmarks_through_the_file(media: Path, tmp_path: Path) -> None:
    model = FaceModel.open_face()
    coeffs = track_video(media / "ref_f_crop512_24s.mp4", max_seconds=3).coeffs
    write_live_link(tmp_path / "a.csv", arkit_motion(model, coeffs))
    back = coeffs_from_arkit(model, read_live_link(tmp_path / "a.csv"), coeffs.identity, coeffs.translation)
    uv = []
    for one in (coeffs, back):
        camera = Camera.from_head_pose(one.euler, one.translation)
        vertices = model.vertices(one.identity, one.expression)[:, model.landmarks_468]
        uv.append(camera.project(camera.model_to_world(vertices))[0] * 512)
    assert (uv[0] - uv[1]).norm(dim=-1).square().mean().sqrt() <= 0.5
