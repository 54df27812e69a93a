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


FULL_SIZES = {
    "plane_channels": 4, "plane_resolution": 64, "picture_size": 128, "ray_grid": 32, "samples": 4,
    "importance_samples": 4, "decoder_hidden": 8, "w_dim": 8, "vit_depth": 1, "vit_dim": 16,
    "resnet_width": 4, "resnet_depths": [1, 1, 1, 1], "aspp_width": 8, "feature_width": 8, "detail_width": 8,
    "mixing_width": 8, "adapter_dims": [8, 8, 10, 8], "adapter_depths": [1, 1, 1, 1], "adapter_width": 8,
    "sr_width": 8, "torso_width": 4, "torso_channels": 4, "torso_depth": 4, "torso_levels": 2,
}  # fmt: skip


def tiny_full(folder, stage: str, *, perceptual: float = 0.0, model: dict | None = None) -> str:
    """The published recipe of a stage at tiny sizes, one step of it, the adversary included."""
    content = TrainingSettings.read(f"full_{stage}").to_dict()
    content["optimisation"] |= {"steps": 1, "batch": 1}
    content["losses"] |= {"perceptual": perceptual, "adversarial_from": 0}
    content["data_sets"] = []
    content["discriminator"] = {"channel_base": 256, "channel_max": 8, "mapping_layers": 1}
    content["model"] = model if model is not None else FULL_SIZES if stage == "i2p" else {}
    path = folder / f"full-{stage}.json"
    path.write_text(json.dumps(content))
    return str(path)


def test_three_stages_of_the_published_model_end_in_one_that_draws_a_torso(tmp_path) -> None:
    from portrait3d.full.storage import load_portrait
    from tiny_full import draw

    shards, start = ball_folder(tmp_path / "shards"), []
    changes = {"torso": {"fusion": "concat", "torso_keypoints": 9}}
    for stage in ("i2p", "motion", "torso"):
        config, out = tiny_full(tmp_path, stage, model=changes.get(stage)), tmp_path / stage
        command = ["train", stage, "--config", config, "--shards", shards, "-o", out, *start]
        code, facts, said = run(*command)
        assert code == 0, said
        assert (facts["steps"], facts["skipped"]) == (1, 0)
        assert {"colour", "adversarial", "discriminator", "r1"} <= facts["loss"].keys()
        start = ["--start", out]
    motion, _ = load_portrait(tmp_path / "motion" / "weights", folded=False)
    model, _ = load_portrait(tmp_path / "torso" / "weights", folded=False)
    assert model.config.has_torso and not motion.config.has_torso
    assert (model.config.fusion, model.config.torso_keypoints) == ("concat", 9)
    kept = {name for name in motion.state_dict() if not name.startswith("super_resolution")}
    assert all(torch.equal(model.state_dict()[name], motion.state_dict()[name]) for name in kept)
    assert draw(model).shape == (1, 3, 128, 128)
    code, facts, _ = run(*command)
    assert (code, facts["resumed_at"]) == (0, 1)


def test_what_the_published_torso_lacks_is_told(tmp_path) -> None:
    shards = ball_folder(tmp_path / "shards", 1)
    command = ["train", "torso", "--shards", shards, "-o", tmp_path / "out", "--config"]
    code, facts, _ = run(*command, tiny_full(tmp_path, "torso"))
    assert code == 2 and "planes and motion that stay as they are" in facts["error"]["cause"]
    code, facts, _ = run(*command, tiny_full(tmp_path, "torso", perceptual=0.1))
    assert code == 2 and "no network was given" in facts["error"]["cause"]
    learned = tiny_full(tmp_path, "torso", model={"torso_keypoint_source": "learned"})
    code, facts, _ = run(*command, learned, "--start", tmp_path)
    assert code == 2 and "key-points of the face model alone" in facts["error"]["cause"]


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
