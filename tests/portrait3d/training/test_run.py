"""Runs that stop, go on, are shared, and learn."""

import json
import os
import signal
from pathlib import Path

import pytest
import torch

from ball_training import DISCRIMINATOR, ball_loss, ball_settings, tiny_portrait, train_ball
from portrait3d.errors import InputError
from portrait3d.training.run import item_seed


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def logged(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("stage", ["i2p", "motion", "torso"])
def test_the_loss_falls(stage, tmp_path) -> None:
    portrait = (
        tiny_portrait(torso_keypoint_source="learned", fusion="concat")
        if stage == "torso"
        else tiny_portrait()
    )
    settings = ball_settings(
        stage, optimisation={"steps": 14, "batch": 1, "learning_rate": 1.5e-2, "ema": 0.0}
    )
    before = ball_loss(portrait, settings)
    train_ball(portrait, settings, tmp_path)
    assert ball_loss(portrait, settings) < 0.9 * before
    assert logged(tmp_path)[-1]["step"] == 14


@pytest.mark.parametrize(("stage", "trained", "still"), [
    ("i2p", "image_to_plane", "motion_adapter"),
    ("motion", "motion_adapter", "torso_warp"),
    ("torso", "torso_warp", "decoder"),
])  # fmt: skip
def test_a_stage_trains_its_modules_alone(stage, trained, still, tmp_path) -> None:
    portrait, before = tiny_portrait(), tiny_portrait().state_dict()
    train_ball(portrait, ball_settings(stage, optimisation={"steps": 2, "batch": 1}), tmp_path)
    changed = {
        name.split(".")[0]
        for name, value in portrait.state_dict().items()
        if not torch.equal(value, before[name])
    }
    assert trained in changed
    assert still not in changed


def test_without_fine_tuning_image_to_plane_stays(tmp_path) -> None:
    portrait, before = tiny_portrait(), tiny_portrait().state_dict()
    train_ball(portrait, ball_settings("motion", optimisation={"freeze_image_to_plane_from": 0}), tmp_path)
    after = portrait.state_dict()
    assert all(torch.equal(after[name], before[name]) for name in after if name.startswith("image_to_plane"))
    assert not torch.equal(after["motion_adapter.out.weight"], before["motion_adapter.out.weight"])


@pytest.mark.parametrize("adversarial", [False, True])
def test_an_interrupted_run_ends_bit_identical(adversarial, tmp_path) -> None:
    changes = {"sampling": {"window": 0}, "losses": {"adversarial": 0.1, "adversarial_from": 1, "r1_every": 2, "density": 0.1, "laplacian": 0.1},
               "discriminator": DISCRIMINATOR} if adversarial else {}  # fmt: skip
    settings = ball_settings("motion", **changes)
    whole = tiny_portrait()
    train_ball(whole, settings, tmp_path / "whole")

    def interrupt(done: int, total: int, terms: dict[str, float]) -> None:
        if done == 2:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        train_ball(tiny_portrait(), settings, tmp_path / "parts", progress=interrupt)
    gone_on = tiny_portrait()
    result = train_ball(gone_on, settings, tmp_path / "parts")
    assert result.resumed_at == 2 and result.steps == 4
    for name, value in whole.state_dict().items():
        assert torch.equal(value, gone_on.state_dict()[name]), name
    assert logged(tmp_path / "parts") == logged(tmp_path / "whole")
    assert ("discriminator" in logged(tmp_path / "whole")[-1]) == adversarial
    again = tiny_portrait()
    assert train_ball(again, settings, tmp_path / "parts").resumed_at == 4
    assert all(torch.equal(v, again.state_dict()[n]) for n, v in whole.state_dict().items())


def test_sigterm_keeps_the_state_too(tmp_path) -> None:
    with pytest.raises(SystemExit) as stopped:
        train_ball(tiny_portrait(), ball_settings("i2p"), tmp_path,
                   progress=lambda done, total, terms: done == 1 and os.kill(os.getpid(), signal.SIGTERM))  # fmt: skip
    assert stopped.value.code == 143
    assert train_ball(tiny_portrait(), ball_settings("i2p"), tmp_path, stop_after=0.0).steps == 2


def test_another_runs_state_is_refused(tmp_path) -> None:
    train_ball(tiny_portrait(), ball_settings("i2p"), tmp_path, stop_after=0.0)
    with pytest.raises(InputError, match="other settings or data"):
        train_ball(tiny_portrait(), ball_settings("i2p", losses={"raw": 0.9}), tmp_path)
    state = tmp_path / "state.safetensors"
    state.write_bytes(state.read_bytes()[:100])
    with pytest.raises(InputError, match="damaged"):
        train_ball(tiny_portrait(), ball_settings("i2p"), tmp_path)


def test_bfloat16_is_near_float32(tmp_path) -> None:
    results = [
        train_ball(tiny_portrait(), ball_settings("motion", optimisation={"precision": precision, "steps": 1}), tmp_path / precision)
        for precision in ("float32", "bfloat16")
    ]  # fmt: skip
    exact, rough = (result.terms["loss"] for result in results)
    assert rough != exact
    assert rough == pytest.approx(exact, rel=0.02)


def test_a_batch_that_cannot_be_shared_is_refused(tmp_path) -> None:
    from portrait3d.training.processes import Processes

    with pytest.raises(InputError, match="2 items cannot be shared evenly by 3"):
        train_ball(tiny_portrait(), ball_settings("i2p"), tmp_path, processes=Processes(0, 3))


def test_items_never_share_a_seed() -> None:
    seeds = {item_seed(seed, step, number) for seed in range(3) for step in range(50) for number in range(16)}
    assert len(seeds) == 3 * 50 * 16


def test_pictures_show_source_truth_and_drawing(tmp_path) -> None:
    shown = []
    train_ball(tiny_portrait(), ball_settings("torso", optimisation={"steps": 2}), tmp_path,
               on_picture=lambda done, picture: shown.append((done, picture)))  # fmt: skip
    assert [done for done, _ in shown] == [2]
    assert shown[0][1].shape == (3 * 64, 3 * 64, 3) and shown[0][1].dtype == torch.uint8
