"""mimictalk train: the three stages from shards to weights, ablations, and what is refused."""

import io
import json

import pytest
import torch

from ball_shards import ball_folder
from mimictalk import cli
from mimictalk.commands.train import train
from mimictalk.console import Console
from mimictalk.errors import InputError
from mimictalk.training_ablation import VARIANTS, changed, first_stage, run_ablation
from mimictalk.training_folders import shard_folders
from mimictalk.training_job import TrainJob, read_settings
from portrait3d.training.settings import TrainingSettings


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    if train not in [group.typer_instance for group in cli.app.registered_groups]:
        cli.app.add_typer(train, name="train")
    yield
    torch.set_num_threads(before)


def run(*arguments: object) -> tuple[int, dict, str]:
    out, err = io.StringIO(), io.StringIO()
    code = cli.run(["--json", *map(str, arguments)], out, err)
    return code, json.loads(out.getvalue()), err.getvalue()


def tiny(folder, stage: str, **changes: dict) -> str:
    """The tiny recipe of a stage, two steps of it."""
    content = TrainingSettings.read(f"tiny_{stage}").to_dict()
    content["optimisation"]["steps"] = 2
    content["sampling"]["window"] = 16
    for table, values in changes.items():
        content[table].update(values)
    path = folder / f"{stage}.json"
    path.write_text(json.dumps(content))
    return str(path)


def test_three_stages_one_after_another(tmp_path) -> None:
    shards, start = ball_folder(tmp_path / "shards"), []
    for stage in ("i2p", "motion", "torso"):
        config, out = tiny(tmp_path, stage), tmp_path / stage
        command = ["train", stage, "--config", config, "--shards", shards, "-o", out, *start]
        code, facts, said = run(*command)
        assert code == 0, said
        assert (facts["steps"], facts["people"]) == (2, 2)
        assert (out / "pictures" / "0000002.jpg").is_file()
        start = ["--start", out]
    card = json.loads((tmp_path / "torso" / "small.json").read_text())
    assert card["settings"]["stage"] == "torso"
    assert card["start"]["settings"]["stage"] == "motion"
    assert card["start"]["start"]["settings"]["stage"] == "i2p"
    assert card["config"]["encoder_aligned"] is True
    code, facts, _ = run(*command)
    assert (code, facts["resumed_at"]) == (0, 2)


def test_one_variant_of_the_ablation_is_measured(tmp_path) -> None:
    shards = ball_folder(tmp_path / "shards")
    configs = {stage: tiny(tmp_path, stage) for stage in ("i2p", "motion", "torso")}
    console = Console(quiet=True, err=io.StringIO())
    facts = run_ablation(configs, [shards], [shards], tmp_path / "out", ["concat"], console)
    row = facts["table"]["concat instead of alpha fusion"]
    assert row["pairs"] == 2 and 0 < row["psnr_box"] < 60 and row["jitter"] >= 0
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        "ablation.json", "ablation.md", "concat-torso", "full-i2p", "full-motion"
    ]  # fmt: skip
    assert "concat instead of alpha fusion" in (tmp_path / "out" / "ablation.md").read_text()
    with pytest.raises(InputError, match="nothing is no ablation"):
        run_ablation(configs, [shards], [shards], tmp_path / "out", ["nothing"], console)


def test_every_variant_changes_what_it_names() -> None:
    stages = {stage: TrainingSettings.read(f"tiny_{stage}").to_dict() for stage in ("i2p", "motion", "torso")}
    for name, variant in VARIANTS.items():
        differ = [s for s, content in stages.items() if changed(content, variant) != content]
        assert bool(differ or variant.skip_i2p) == (name != "full")
        for stage in stages:
            TrainingSettings.from_dict(changed(stages[stage], variant))  # is accepted
    assert first_stage(VARIANTS["no-laplacian"], "i2p") == "full"
    assert first_stage(VARIANTS["no-laplacian"], "torso") == "no-laplacian"
    assert first_stage(VARIANTS["no-pretraining"], "motion") == "no-pretraining"


@pytest.mark.parametrize(("stage", "changes", "said"), [
    ("motion", {}, "is for the stage 'i2p', not 'motion'"),
    ("i2p", {"losses": {"perceptual": 0.1}}, "no network was given"),
])  # fmt: skip
def test_settings_that_do_not_fit_are_refused(stage, changes, said, tmp_path) -> None:
    job = TrainJob(stage, tiny(tmp_path, "i2p", **changes), [tmp_path], tmp_path)
    with pytest.raises(InputError, match=said):
        read_settings(job)


def test_what_the_user_gets_wrong_is_explained(tmp_path) -> None:
    config = tiny(tmp_path, "i2p")
    code, facts, _ = run("train", "i2p", "--config", config, "-o", tmp_path / "out")
    assert code == 2 and "either --shards or --teacher" in facts["error"]["cause"]
    code, facts, _ = run(
        "train", "i2p", "--config", config, "--shards", tmp_path / "none", "-o", tmp_path / "out"
    )
    assert code == 2 and "no training shard is here" in facts["error"]["cause"]
    code, facts, _ = run(
        "train", "torso", "--config", "full_torso", "--shards", tmp_path, "-o", tmp_path / "out"
    )
    assert code == 2


def test_a_folder_of_data_sets_stands_for_their_folders(tmp_path) -> None:
    names = ["CelebV-HQ", "VFHQ"]
    assert shard_folders([tmp_path], names) == [tmp_path]  # none of them: taken as it is
    (tmp_path / "VFHQ").mkdir()
    with pytest.raises(InputError, match="data sets CelebV-HQ have no folder"):
        shard_folders([tmp_path], names)
    (tmp_path / "CelebV-HQ").mkdir()
    assert shard_folders([tmp_path], names) == [tmp_path / "CelebV-HQ", tmp_path / "VFHQ"]
    assert shard_folders([tmp_path / "VFHQ"], names) == [tmp_path / "VFHQ"]
    assert shard_folders([tmp_path], []) == [tmp_path]
    (tmp_path / "a.safetensors").touch()
    assert shard_folders([tmp_path], names) == [tmp_path]
