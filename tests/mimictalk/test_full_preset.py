"""The preset `full`, whose weights users bring: adapted and rendered through the commands with tiny random ones."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest
import torch
from PIL import Image

import mimictalk
from face3dmm import Camera, FaceModel, render_pncc
from fake_bfm import write_fake_bfm
from mimictalk.avatar import Avatar
from mimictalk.full_face import FullFace
from mimictalk.full_recipe import FullRecipe
from mimictalk.imported_base import ImportedBase
from mimictalk.planned_run import planned_run
from mimictalk.video_writer import VideoWriter
from portrait3d.full.storage import write_weights
from tiny_avatar import write_speech
from tiny_full import TINY, TINY_HEAD, random_portrait

DEMO = Path(mimictalk.__file__).parent / "data" / "demo" / "reference.mp4"
FRAMES = 30
AGREED = ("--consent", "synthetic person")


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> SimpleNamespace:
    """Weights, others of the same size, those of a head alone, and face models of which one is another."""
    home = tmp_path_factory.mktemp("imported")
    for name, config, seed in (("weights", TINY, 0), ("others", TINY, 1), ("head", TINY_HEAD, 0)):
        write_weights(home / name, config, random_portrait(config, seed).state_dict(), {}, {})
    bfm = write_fake_bfm(home / "BFM")
    another = write_fake_bfm(home / "another")
    np.save(another / "ncc_code.npy", np.load(another / "ncc_code.npy") * 0.5)
    return SimpleNamespace(
        weights=home / "weights", others=home / "others", head=home / "head", bfm=bfm, another=another
    )


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    """The first frames of the clip that `mimictalk demo` learns from, without sound."""
    path = tmp_path_factory.mktemp("clips") / "ref.mp4"
    with av.open(str(DEMO)) as container:
        frames = [
            frame.to_ndarray(format="rgb24")
            for frame, _ in zip(container.decode(video=0), range(FRAMES), strict=False)
        ]
    size = frames[0].shape[1], frames[0].shape[0]
    with VideoWriter(path, None, leader="picture", metadata={}, size=size) as writer:
        for frame in frames:
            writer.write(frame)
    return path


def full(folders, **others) -> tuple[str, ...]:
    given = {"weights": folders.weights, "face_model": folders.bfm, **others}
    options = (("--weights", given["weights"]), ("--face-model", given["face_model"]))
    return tuple(str(part) for name, path in options if path is not None for part in (name, path))


def frames_of(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


@pytest.fixture(scope="module")
def made(folders, clip, tmp_path_factory) -> Path:
    """An avatar of three steps."""
    import io

    from mimictalk.cli import run

    home = tmp_path_factory.mktemp("made")
    arguments = ["adapt", clip, "-o", home / "me", "--preset", "full", *full(folders), "--steps", 3, *AGREED]
    with pytest.MonkeyPatch.context() as patch:
        for name in ("XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME"):
            patch.setenv(name, str(home / name))
        err = io.StringIO()
        assert run([str(one) for one in arguments], io.StringIO(), err) == 0, err.getvalue()
    said = err.getvalue().splitlines()[-1]
    assert said == f"Next: mimictalk render {home / 'me'} --audio SPEECH.wav {' '.join(full(folders))}"
    return home / "me"


def test_an_adapted_avatar_records_what_it_stands_on(made, folders):
    told = json.loads((made / "avatar.json").read_text())
    card = json.loads((folders.weights / "full.json").read_text())
    assert (told["preset"], told["steps"]) == ("full", 3)
    recorded = told["base_weights"]["imported/full.safetensors"]
    assert recorded == card["files"]["full.safetensors"]["sha256"]
    assert not any(name.startswith("portrait3d/") for name in told["base_weights"])
    base = ImportedBase.load(folders.weights, folders.bfm)
    avatar = Avatar.load(made, base_weights=base.stands_on())
    tensors = avatar.tensors()
    assert tensors["planes"].shape == (3, 4, 3, 32, 32) and tensors["torso"].shape == (3, 64, 64)
    assert json.loads((made / "adapter_config.json").read_text())["peft_type"] == "LORA"
    assert told["meta"]["recipe"] == {
        "name": "own", "rank": 2, "planes": True, "lora": True, "start": "embedded",
    }  # fmt: skip


def test_a_clip_drives_it(cli, here, made, folders, clip):
    ran = cli("render", made, "--drive", clip, *full(folders), "--size", 256, "-o", "out.mp4", "--json")
    assert ran.code == 0, ran.err
    assert (ran.json["frames"], ran.json["size"]) == (FRAMES, 256)
    video = frames_of(here / "out.mp4")
    assert video.shape == (FRAMES, 256, 256, 3)
    assert not np.array_equal(video[0], video[-1]), "the head moves"
    before = ("--background", "#00ff00", "-o", "green.mp4")
    other = cli("render", made, "--drive", clip, *full(folders), "--size", 256, *before)
    assert other.code == 0, other.err
    assert not np.array_equal(frames_of(here / "green.mp4")[0], video[0])


def test_speech_drives_it(cli, here, made, folders):
    write_speech(here / "hello.wav", 1.0)
    ran = cli(
        "render", made, "--audio", "hello.wav", *full(folders), "--size", 256, "-o", "out.mp4", "--json"
    )
    assert ran.code == 0, ran.err
    video = frames_of(here / "out.mp4")
    assert video.shape == (25, 256, 256, 3)
    assert not np.array_equal(video[0], video[-1])


MISSING = "Give --weights DIR and --face-model DIR: docs/guides/published-weights.md\n"


@pytest.mark.parametrize(
    ("others", "missing"),
    [
        ({"weights": None, "face_model": None}, "--weights and --face-model"),
        ({"weights": None}, "--weights"),
        ({"face_model": None}, "--face-model"),
    ],
)
def test_adapt_says_which_folder_is_missing(cli, here, clip, folders, others, missing):
    ran = cli("adapt", clip, "-o", "me", "--preset", "full", *full(folders, **others), *AGREED)
    assert (ran.code, ran.err) == (2, f"--preset full: {missing} missing\n{MISSING}")
    assert list(here.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--preset", "huge"], "--preset: 'huge' is unknown\nGive small or full.\n"),
        (
            ["--preset", "full", "--start", "random"],
            "--start: the preset full begins with --weights\nLeave --start out.\n",
        ),
        (
            ["--weights", "w"],
            "--weights, --face-model: the preset small brings its own weights\n"
            "Leave them out, or add --preset full.\n",
        ),
    ],
)
def test_adapt_refuses_what_does_not_go_together(cli, clip, arguments, said):
    assert cli("adapt", clip, *arguments, *AGREED).err == said


def test_folders_that_hold_something_else_are_named(cli, here, clip, folders):
    (here / "empty").mkdir()
    ran = cli("adapt", clip, "-o", "me", "--preset", "full", *full(folders, weights="empty"), *AGREED)
    assert (ran.code, ran.err) == (2, "empty: no imported weights (full.json) here\nName another folder.\n")
    ran = cli("adapt", clip, "-o", "me", "--preset", "full", *full(folders, face_model="empty"), *AGREED)
    assert ran.code == 2
    assert ran.err.startswith("empty/BFM_model_front.mat: there is no such file\n")
    assert len(ran.err.splitlines()) <= 3


def sha(folder: Path) -> str:
    return json.loads((folder / "full.json").read_text())["files"]["full.safetensors"]["sha256"][:12]


def test_render_asks_for_the_weights(cli, made, folders, clip):
    ran = cli("render", made, "--drive", clip)
    cause = "it is of the preset full, which stands on imported weights and a face model"
    cure = "Give both: mimictalk render --weights DIR --face-model DIR"
    assert (ran.code, ran.err) == (2, f"{made}: {cause}\n{cure}\n")
    ran = cli("render", made, "--drive", clip, "--weights", folders.weights)
    assert (ran.code, ran.err) == (2, f"--weights, --face-model: --face-model missing\n{MISSING}")


def test_another_base_is_refused_in_words(cli, made, folders, clip):
    cure = "Give the weights and the face model that it was adapted with."
    ran = cli("render", made, "--drive", clip, *full(folders, weights=folders.others))
    differ = (
        f"it stands on full.safetensors {sha(folders.weights)}; what is given here is {sha(folders.others)}"
    )
    assert (ran.code, ran.err) == (2, f"{made}: {differ}\n{cure}\n")
    ran = cli("render", made, "--drive", clip, *full(folders, face_model=folders.another))
    assert ran.code == 2
    assert ran.err.startswith(f"{made}: it stands on face_model ") and ran.err.endswith(f"\n{cure}\n")


def test_what_full_cannot_do_is_said(cli, made, folders, clip):
    ran = cli("render", made, "--drive", clip, *full(folders), "--transparent")
    assert ran.code == 2
    assert ran.err == (
        "--transparent: the preset full draws person and background in one network: nothing can be cut out\n"
        "Leave it out, or use the preset small.\n"
    )


def test_an_avatar_of_small_needs_no_folders(cli, me, folders, clip):
    ran = cli("render", me, "--drive", clip, *full(folders))
    assert ran.code == 2
    assert ran.err == (
        "--weights, --face-model: me is of the preset small, which brings its own weights\nLeave them out.\n"
    )


def test_damaged_weights_are_refused(cli, here, made, folders, clip):
    import shutil

    shutil.copytree(folders.weights, here / "weights")
    content = bytearray((here / "weights" / "full.safetensors").read_bytes())
    content[-1] ^= 1
    (here / "weights" / "full.safetensors").write_bytes(content)
    ran = cli("render", made, "--drive", clip, *full(folders, weights="weights"))
    assert ran.code == 2
    *_, said, cure = ran.err.splitlines()
    assert said.startswith("weights/full.safetensors: it is not the file that full.json describes")
    assert cure.startswith("See what happened: mimictalk weights verify weights")


def test_runs_on_other_weights_are_other_runs(folders):
    asked = {
        "steps": 5, "budget_s": None, "seed": 0, "preset": "full", "start": "embedded", "recipe": "own",
        "max_seconds": None, "segmenter": None,
    }  # fmt: skip
    bases = [ImportedBase.load(folders.weights, folders.bfm), ImportedBase.load(folders.others, folders.bfm)]
    bases.append(ImportedBase.load(folders.weights, folders.another))
    runs = [planned_run("a clip", **asked, base=base).state for base in bases]
    assert len({*runs, planned_run("a clip", **{**asked, "preset": "small"}).state}) == 4
    assert (
        planned_run("a clip", **asked, base=ImportedBase.load(folders.weights, folders.bfm)).state == runs[0]
    )


def test_settings_are_the_published_ones():
    own = FullRecipe().config(None, 0)
    assert (own.steps, own.r, own.lora_alpha) == (2000, 2, 1)
    assert (own.learning_rate, own.static_learning_rate) == (1e-3, 5e-3)
    published = FullRecipe("published").config(None, 0)
    assert published == replace(
        own, warm_up=0, schedule="constant", gradient_norm=float("inf"), take_best=False
    )


def test_the_face_lies_in_the_picture_where_the_open_one_lies(folders):
    """The other model is the open one, moved and scaled: its points are seen at the same pixels."""
    base, identity = ImportedBase.load(folders.weights, folders.bfm), torch.zeros(80)
    face, whole = FullFace.of(base, identity, identity), FaceModel.open_face()
    expression = torch.zeros(2, 64)
    expression[1, 17] = 0.8  # jawOpen
    euler, translation = torch.tensor([[0.1, -0.2, 0.0]] * 2), torch.tensor([[0.1, 0.0, -1.0]] * 2)
    camera = Camera.from_head_pose(euler, translation)
    points = whole.vertices(identity, expression)[:, whole.landmarks_68[[0, 8, 16, 27]]]
    wanted = camera.project(camera.model_to_world(points))[0] * 2 - 1
    got = face.keypoints(expression, euler, translation)
    assert (wanted[1, 1] - wanted[0, 1]).norm() > 0.02, "the chin falls"
    assert (got - wanted).abs().max() < 0.01

    seen = face.cameras(euler, translation)
    centre = seen.camera_to_world[0, :3, 3] - torch.tensor([0.0, 0.006, 0.161])
    # As far away as a lens of 1015 / 224 makes a head of 1.25 times the size as large as it is.
    assert float(centre.norm()) == pytest.approx(0.27 * 11.0 * 1.25 * (1015 / 224) / 4.2647, rel=0.05)
    assert seen.intrinsics.equal(camera.intrinsics)
    rest = face.pncc(torch.zeros(1, 64))
    assert rest.shape == (1, 3, 64, 64) and (rest > 0).any()
    assert not rest.equal(face.pncc(expression[1:]))
    small = render_pncc(whole, identity, torch.zeros(1, 64), 64, dtype=torch.uint8)
    assert not rest.equal(small), "published weights have another window"


def test_a_head_alone_has_no_background_to_change(folders):
    from mimictalk.errors import InputError
    from mimictalk.full_rendering import FullPersonRenderer
    from portrait3d.full.identity import FullIdentity

    base = ImportedBase.load(folders.head, folders.bfm)
    identity = FullIdentity(torch.zeros(3, 4, 3, 32, 32), torch.zeros(3, 64, 64), torch.zeros(3, 64, 64))
    face = FullFace.of(base, torch.zeros(80), torch.zeros(80))
    with pytest.raises(InputError, match="a head alone, which stands before black"):
        FullPersonRenderer(base.portrait(), identity, face, np.zeros((512, 512, 3), np.uint8))
    motion = SimpleNamespace(
        expression=torch.zeros(2, 64), euler=torch.zeros(2, 3), translation=torch.zeros(2, 3)
    )
    frames = list(FullPersonRenderer(base.portrait(), identity, face, size=256).frames(motion))
    assert [frame.shape for frame in frames] == [(256, 256, 3)] * 2


def test_one_picture_is_drawn_with_them(cli, here, clip, folders):
    Image.fromarray(frames_of(clip)[0]).save(here / "me.png")
    given = ("oneshot", "me.png", "--drive", clip, "--size", 256, "--json")
    ran = cli(*given, *full(folders), "-o", "out.mp4")
    assert ran.code == 0, ran.err
    assert (ran.json["frames"], ran.json["refine_steps"]) == (FRAMES, 0)
    video = frames_of(here / "out.mp4")
    assert video.shape == (FRAMES, 256, 256, 3)
    ran = cli(*given, *full(folders, weights=folders.others), "-o", "out.mp4")
    assert not np.array_equal(frames_of(here / "out.mp4")[0], video[0]), "other weights are another video"


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (
            ("--refine", 5),
            "--refine: imported weights draw a picture as they read it\n"
            "Leave it out; to learn a person, adapt a clip.\n",
        ),
        (
            ("--transparent",),
            "--transparent: the preset full draws person and background in one network: nothing can be cut out\n"
            "Leave it out, or use the preset small.\n",
        ),
    ],
)
def test_what_a_picture_cannot_have_is_said(cli, clip, folders, option, said):
    ran = cli("oneshot", "me.png", "--drive", clip, *full(folders), *option)
    assert (ran.code, ran.err) == (2, said)
