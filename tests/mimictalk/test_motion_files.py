"""What `track` and `motion` write is what face3dmm reads, by the suffix of the name."""

import csv
from types import SimpleNamespace

import pytest
import torch

from face3dmm import ARKIT_NAMES, FaceCoeffs, FaceTrack
from face3dmm.live_link import COLUMNS, read_live_link
from face3dmm.motion_json import read_motion_json, read_motion_npz
from mimictalk.errors import InputError
from mimictalk.motion_files import OF_SPEECH, OF_TRACKS, check_motion_file, write_speech_motion, write_track

JAW = ARKIT_NAMES.index("jawOpen")
FRAMES = 50


@pytest.fixture
def coeffs() -> FaceCoeffs:
    expression = torch.zeros(FRAMES, 64)
    expression[:, JAW] = torch.linspace(0, 0.49, FRAMES)
    euler = torch.tensor([[0.0, 0.2, 0.0]]).repeat(FRAMES, 1)
    gaze = torch.tensor([[0.1, -0.02]]).repeat(FRAMES, 1)
    return FaceCoeffs(torch.randn(80), expression, euler, torch.zeros(FRAMES, 3), gaze, torch.ones(FRAMES))


@pytest.fixture
def track(coeffs) -> FaceTrack:
    return FaceTrack(
        coeffs, torch.zeros(FRAMES, 478, 3), torch.zeros(FRAMES, 4), "ab" * 32, (0, 0, 512), start=0.04
    )


def expect_take(path) -> None:
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == list(COLUMNS)
    assert len(rows) == 120  # two seconds as the app records them
    assert rows[60]["Timecode"] == "00:00:01:00.000"
    assert {round(float(row["HeadYaw"]), 6) for row in rows} == {-0.2}
    assert float(rows[60]["EyeLookDownLeft"]) == pytest.approx(0.1 / 0.6)
    found = read_live_link(path)
    assert len(found) == FRAMES
    # 0.01 a frame; lids give a little to the gaze, the jaw nothing
    assert found.weights[:49, JAW].tolist() == pytest.approx(torch.linspace(0, 0.48, 49).tolist(), abs=2e-3)


def test_a_track_as_a_take(here, track):
    write_track(here / "a.csv", track)
    expect_take(here / "a.csv")
    assert [entry.name for entry in here.iterdir()] == ["a.csv"]


def test_speech_as_a_take(here, coeffs):
    spoken = SimpleNamespace(
        fps=25.0, **{n: getattr(coeffs, n) for n in ("expression", "euler", "translation", "gaze")}
    )
    write_speech_motion(here / "new" / "a.CSV", spoken)
    expect_take(here / "new" / "a.CSV")


def test_a_track_as_it_is(here, track):
    for name in ("a.json", "a.npz", "a.safetensors"):
        write_track(here / name, track)
    json, npz, whole = (
        read_motion_json(here / "a.json"),
        read_motion_npz(here / "a.npz"),
        FaceTrack.load(here / "a.safetensors"),
    )
    for found in (json, npz, whole):
        assert (found.fps, found.start) == (25.0, 0.04)
        for name in ("identity", "expression", "euler", "translation", "gaze", "confidence"):
            assert torch.equal(getattr(found.coeffs, name), getattr(track.coeffs, name))
    assert sorted(entry.name for entry in here.iterdir()) == ["a.json", "a.npz", "a.safetensors"]


def test_speech_in_every_form(here, coeffs):
    from talk_motion import MotionSequence
    from talk_motion.visemes import VISEMES, Visemes

    motion = MotionSequence.from_tracking(coeffs.expression, coeffs.euler, coeffs.translation, coeffs.gaze)
    for name in ("a.json", "a.npz", "a.safetensors", "visemes.json", "a.Visemes.json"):
        write_speech_motion(here / name, motion)
    for found in (read_motion_json(here / "a.json"), read_motion_npz(here / "a.npz")):
        assert (found.fps, found.start) == (25.0, 0.0)
        for name in ("expression", "euler", "translation", "gaze"):
            assert torch.equal(getattr(found.coeffs, name), getattr(motion, name))
    assert torch.equal(MotionSequence.load(here / "a.safetensors").expression, motion.expression)
    for name in ("visemes.json", "a.Visemes.json"):
        weights = Visemes.load(here / name).weights
        assert len(weights) == FRAMES
        assert VISEMES[int(weights[0].argmax())] == "sil"  # the jaw opens from 0 to 0.49
        assert VISEMES[int(weights[-1].argmax())] == "aa"


def test_names_that_cannot_be_written(here):
    (here / "clip.csv").write_text("x")
    (here / "folder.csv").mkdir()
    source = here / "clip.csv"
    for name, words in [
        ("a.txt", "only .csv, .json, .npz and .safetensors are written"),
        ("folder.csv", "it is a folder"),
        ("clip.csv", "it would overwrite its own input"),
    ]:
        with pytest.raises(InputError, match=words):
            check_motion_file(here / name, source, OF_TRACKS)
    with pytest.raises(InputError, match=r"only \.csv, \.json, \.npz and \.safetensors are written"):
        check_motion_file(here / "a.mp4", source, OF_SPEECH)
    assert check_motion_file(here / "b.CSV", source, OF_SPEECH) == here / "b.CSV"


@pytest.mark.parametrize("name", ["face.txt", "face", "face.csv.gz"])
def test_another_suffix_is_told_before_any_work(cli, here, name):
    ran = cli("track", "clip.mp4", "-o", name)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == (
        f"{name}: only .csv, .json, .npz and .safetensors are written\nChoose a name that ends in one of them.\n"
    )
    assert list(here.iterdir()) == []


@pytest.mark.parametrize("suffix", OF_TRACKS)
def test_track_writes_by_suffix(cli, here, track, monkeypatch, suffix):
    monkeypatch.setattr("mimictalk.tracked_motion.track_for", lambda *_: track)
    ran = cli("track", "clip.mp4", "-o", f"face{suffix}", "--json")
    assert ran.code == 0
    assert ran.json["file"] == f"face{suffix}" and ran.json["frames"] == FRAMES
    read = dict(
        zip(OF_TRACKS, (read_live_link, read_motion_json, read_motion_npz, FaceTrack.load), strict=True)
    )[suffix]
    assert read(here / f"face{suffix}").fps == 25.0
