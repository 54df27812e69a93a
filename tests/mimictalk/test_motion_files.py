"""What `track` and `motion` write is what face3dmm reads, by the suffix of the name."""

import csv
from types import SimpleNamespace

import pytest
import torch

from face3dmm import ARKIT_NAMES, FaceCoeffs, FaceModel, FaceTrack, arkit_motion
from face3dmm.live_link import COLUMNS, read_live_link
from face3dmm.motion_json import read_motion_json, read_motion_npz
from mimictalk.errors import InputError
from mimictalk.motion_files import (
    OF_SPEECH,
    OF_TRACKS,
    SCENES,
    USD,
    check_motion_file,
    write_speech_motion,
    write_track,
)
from scene_readers import GlbReader

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
        ("a.txt", "only .csv, .json, .npz, .safetensors, .glb, .usdc and .usda are written"),
        ("folder.csv", "it is a folder"),
        ("clip.csv", "it would overwrite its own input"),
    ]:
        with pytest.raises(InputError, match=words):
            check_motion_file(here / name, source, OF_TRACKS)
    with pytest.raises(
        InputError, match=r"only \.csv, \.json, \.npz, \.safetensors, \.glb, \.usdc and \.usda are written"
    ):
        check_motion_file(here / "a.mp4", source, OF_SPEECH)
    assert check_motion_file(here / "b.CSV", source, OF_SPEECH) == here / "b.CSV"


@pytest.mark.parametrize("name", ["face.txt", "face", "face.csv.gz"])
def test_another_suffix_is_told_before_any_work(cli, here, name):
    ran = cli("track", "clip.mp4", "-o", name)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == (
        f"{name}: only .csv, .json, .npz, .safetensors, .glb, .usdc and .usda are written\n"
        "Choose a name that ends in one of them.\n"
    )
    assert list(here.iterdir()) == []


@pytest.mark.parametrize("suffix", OF_TRACKS[:4])
def test_track_writes_by_suffix(cli, here, track, monkeypatch, suffix):
    monkeypatch.setattr("mimictalk.tracked_motion.track_for", lambda *_: track)
    ran = cli("track", "clip.mp4", "-o", f"face{suffix}", "--json")
    assert ran.code == 0
    assert ran.json["file"] == f"face{suffix}" and ran.json["frames"] == FRAMES
    read = dict(
        zip(OF_TRACKS[:4], (read_live_link, read_motion_json, read_motion_npz, FaceTrack.load), strict=True)
    )[suffix]
    assert read(here / f"face{suffix}").fps == 25.0


def expect_scene(path, motion) -> None:
    """The jaw of every frame, where an independent reader finds it, is the one of the Live Link CSV."""
    if path.suffix == ".glb":
        pytest.importorskip("pygltflib", reason="the independent reader of glTF is not installed")
        weights = GlbReader(path).weights()
        names = GlbReader(path).target_names
    else:
        pytest.importorskip("pxr", reason="usd-core (face3dmm[usd]) is not installed")
        from pxr import Usd, UsdSkel

        stage = Usd.Stage.Open(str(path))
        (animation,) = (UsdSkel.Animation(each) for each in stage.Traverse() if each.IsA(UsdSkel.Animation))
        told = animation.GetBlendShapeWeightsAttr()
        weights = torch.tensor([list(told.Get(code)) for code in told.GetTimeSamples()]).numpy()
        names = list(animation.GetBlendShapesAttr().Get())
    assert names == list(ARKIT_NAMES)
    wanted = arkit_motion(FaceModel.open_face(), motion)
    assert weights[:, JAW].tolist() == pytest.approx(wanted.weights[:, JAW].tolist(), abs=1e-6)


@pytest.mark.parametrize("suffix", SCENES)
def test_track_writes_scenes(cli, here, track, monkeypatch, suffix):
    monkeypatch.setattr("mimictalk.tracked_motion.track_for", lambda *_: track)
    if suffix in USD:
        pytest.importorskip("pxr", reason="usd-core (face3dmm[usd]) is not installed")
    ran = cli("track", "clip.mp4", "-o", f"face{suffix}", "--json")
    assert (ran.code, ran.json["file"]) == (0, f"face{suffix}"), ran.err
    assert [entry.name for entry in here.iterdir()] == [f"face{suffix}"]
    expect_scene(here / f"face{suffix}", track.coeffs)


def test_speech_as_a_scene(here, coeffs):
    from talk_motion import MotionSequence

    motion = MotionSequence.from_tracking(coeffs.expression, coeffs.euler, coeffs.translation, coeffs.gaze)
    write_speech_motion(here / "a.glb", motion)
    expect_scene(here / "a.glb", coeffs)


def test_usd_without_its_package_is_told_before_any_work(cli, here, monkeypatch):
    monkeypatch.setattr("face3dmm.usd.find_spec", lambda name: None)
    ran = cli("motion", "speech.wav", "-o", "face.usdc")
    assert (ran.code, ran.err) == (
        2,
        "face.usdc: USD files need the package usd-core\n"
        "Install it: pip install 'face3dmm[usd]'; or write a .glb.\n",
    )
    assert list(here.iterdir()) == []
