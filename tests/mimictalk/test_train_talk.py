"""mimictalk train a2m|a2m-vae|sync|prepare-speech: videos to shards, shards to weights, and what is refused."""

import json
from pathlib import Path

import pytest
import torch

import mimictalk
from talk_motion import InputError, MotionModel
from talk_motion.training.speech_shards import SpeechShards
from talk_training import settings, shards

DEMO = Path(mimictalk.__file__).parent / "data" / "demo" / "reference.mp4"


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def config(folder: Path, kind: str, **changes: object) -> Path:
    path = folder / f"{kind}.json"
    path.write_text(json.dumps(settings(kind, **changes).to_dict()))
    return path


def test_a_video_becomes_a_shard_and_a_model(cli, here) -> None:
    command = [
        "train",
        "prepare-speech",
        DEMO,
        here / "none.txt",
        "-o",
        here / "shards",
        "--first",
        "3s",
        "--json",
    ]
    (here / "none.txt").write_text("not a video")
    ran = cli(*command)
    assert ran.code == 0, ran.err
    assert ran.json["shards"] == 1 and list(ran.json["refused"]) == [str(here / "none.txt")]
    (path,) = (here / "shards").glob("*.safetensors")
    before = path.stat().st_mtime_ns
    assert cli(*command).code == 0 and path.stat().st_mtime_ns == before
    found = SpeechShards([here / "shards"], 50)
    assert found.seconds == pytest.approx(3.0, abs=0.1) and found.exact == [False]
    told = config(here, "a2m", frames=50)
    ran = cli(
        "train",
        "a2m",
        "--data",
        here / "shards",
        "-o",
        here / "run",
        "--config",
        told,
        "--steps",
        2,
        "--json",
    )
    assert ran.code == 0, ran.err
    assert (ran.json["steps"], ran.json["shards"]) == (2, 1)
    model = MotionModel.from_pretrained(here / "run" / "small.safetensors")
    assert model.space.channels == 9 and model.card["step"] == 2


@pytest.mark.parametrize(("kind", "weights"), [
    ("full", "weights/motion.json"), ("a2m-vae", "weights/motion.json"), ("sync", "sync.json"),
])  # fmt: skip
def test_other_stages_leave_weights_and_go_on(kind, weights, cli, here) -> None:
    folder = shards(here / "data", frames=80)
    command = ["train", "a2m" if kind == "full" else kind, "--data", folder, "--held", folder, "-o", here / "run",
               "--config", config(here, kind), "--json"]  # fmt: skip
    ran = cli(*command)
    assert ran.code == 0, ran.err
    assert (here / "run" / weights).is_file() and ran.json["kept"]["step"] == 4
    assert cli(*command).json["resumed_at"] == 4


def test_a_run_can_begin_with_embedded_weights(cli, here) -> None:
    folder = shards(here / "data")
    told = config(
        here, "a2m", model={}, losses={"sync": 0.0}, optimisation={"learning_rate": 0.0, "steps": 1}
    )
    ran = cli(
        "train", "a2m", "--data", folder, "-o", here / "run", "--config", told, "--start", "small", "--json"
    )
    assert ran.code == 0, ran.err
    made, small = (MotionModel.from_pretrained(n) for n in (here / "run" / "small.safetensors", "small"))
    for name, value in small.network.state_dict().items():
        assert torch.equal(value, made.network.state_dict()[name]), name


def test_what_the_user_gets_wrong_is_explained(cli, here) -> None:
    folder = shards(here / "data")
    for arguments, said in (
        (["a2m", "--data", here / "none"], "no shard of speech is here"),
        (["sync", "--data", folder, "--config", "small_a2m"], "is for the stage 'a2m', not 'sync'"),
        (["a2m", "--data", folder, "--config", "full_a2m", "--start", "small"], "can begin with weights"),
        (["a2m", "--data", folder, "--config", config(here, "a2m", model={"wide": 3})], "wide"),
        (["a2m", "--data", folder], "none of 3 shards has 250 frames"),
    ):
        ran = cli("train", *arguments, "-o", here / "run", "--json")
        assert ran.code == 2 and said in ran.json["error"]["cause"], ran.out
    with pytest.raises(InputError, match="is here"):
        SpeechShards([here / "none"], 10)
