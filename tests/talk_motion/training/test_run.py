"""Runs of every stage that stop, go on, are shared, learn, and leave weights that can be used."""

import json
import os
import signal
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from talk_motion import MotionModel, SyncExpert
from talk_motion.errors import InputError
from talk_motion.full.ics_model import InContextModel
from talk_motion.full.speech import SpeechFeatures
from talk_motion.full.vae import FlowVae
from talk_motion.training.processes import Processes
from talk_training import CONTENT, settings, shards, stage, train_tiny

KINDS = ("a2m", "full", "a2m-vae", "sync")


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def data(folder: Path, kind: str) -> Path:
    return shards(folder / "data", frames=80 if kind == "sync" else 40)


def logged(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("kind", KINDS)
def test_an_interrupted_run_ends_bit_identical(kind, tmp_path) -> None:
    given = (
        settings(kind, model={} if kind in ("full", "a2m-vae") else {"dropout": 0.2}),
        data(tmp_path, kind),
    )
    train_tiny(*given, tmp_path / "whole", held=tmp_path / "data")

    def interrupt(done: int, total: int, terms: dict[str, float]) -> None:
        if done == 3:  # between two points at which the state is kept anyway
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        train_tiny(*given, tmp_path / "parts", held=tmp_path / "data", progress=interrupt)
    result = train_tiny(*given, tmp_path / "parts", held=tmp_path / "data")
    assert (result.resumed_at, result.steps, result.skipped) == (3, 4, 0)
    whole, parts = (load_file(tmp_path / run / "state.safetensors") for run in ("whole", "parts"))
    assert whole.keys() == parts.keys()
    for name, value in whole.items():
        assert torch.equal(value, parts[name]), name
    assert logged(tmp_path / "parts") == logged(tmp_path / "whole")
    assert logged(tmp_path / "whole")[-1]["held_score"] == pytest.approx(result.best["score"], abs=1e-6)
    assert train_tiny(*given, tmp_path / "parts", held=tmp_path / "data").resumed_at == 4


@pytest.mark.parametrize("kind", KINDS)
def test_the_loss_falls_on_clips_it_is_judged_on(kind, tmp_path) -> None:
    told = settings(
        kind,
        losses={"sync": 0.0, "kl": 0.0},
        optimisation={"steps": 25, "batch": 4, "learning_rate": 1e-2, "ema": 0.8},
        reporting={"judge_every": 1000, "log_every": 1000, "save_every": 1000},
    )
    folder = data(tmp_path, kind)
    before = stage(told, folder, folder)
    first = before.judge(before.network.eval())
    result = train_tiny(told, folder, tmp_path / "run", held=folder)
    assert result.best["score"] > first["score"] * 0.9  # scores are negative losses


def test_weights_can_be_used(tmp_path) -> None:
    for kind in KINDS:
        train_tiny(settings(kind), data(tmp_path / kind, kind), tmp_path / kind)
    drawn = MotionModel.from_pretrained(tmp_path / "a2m" / "small.safetensors").sample(
        torch.randn(40, 67), torch.zeros(20, 6), steps=2
    )
    assert drawn.shape == (20, 6) and drawn.isfinite().all()
    speech = SpeechFeatures(torch.randn(40, CONTENT), torch.zeros(40))
    model = InContextModel.load(tmp_path / "full" / "weights")
    told = stage(settings("full"), tmp_path / "full" / "data")
    assert torch.allclose(model.unit.scale, told.unit.scale)
    assert model.sample(speech).shape == (20, 64)
    assert FlowVae.load(tmp_path / "a2m-vae" / "weights").sample(speech).shape == (20, 64)
    expert = SyncExpert.from_pretrained(tmp_path / "sync" / "sync.safetensors")
    assert expert.card["stranger_frames"] == 72 - 44
    assert expert.score(torch.randn(1, 80, 67), torch.rand(1, 40, 64)).shape == (1, 40)


def test_another_runs_state_is_refused(tmp_path) -> None:
    folder = data(tmp_path, "a2m")
    train_tiny(settings("a2m"), folder, tmp_path / "run", stop_after=0.0)
    with pytest.raises(InputError, match="other settings or data"):
        train_tiny(settings("a2m", seed=9), folder, tmp_path / "run")
    with pytest.raises(InputError, match="other settings or data"):
        train_tiny(settings("full"), folder, tmp_path / "run")
    state = tmp_path / "run" / "state.safetensors"
    state.write_bytes(state.read_bytes()[:100])
    with pytest.raises(InputError, match="damaged"):
        train_tiny(settings("a2m"), folder, tmp_path / "run")


def test_sigterm_keeps_the_state_too(tmp_path) -> None:
    folder = data(tmp_path, "a2m")
    with pytest.raises(SystemExit) as stopped:
        train_tiny(settings("a2m"), folder, tmp_path / "run",
                   progress=lambda done, total, terms: done == 1 and os.kill(os.getpid(), signal.SIGTERM))  # fmt: skip
    assert stopped.value.code == 143
    assert train_tiny(settings("a2m"), folder, tmp_path / "run", stop_after=0.0).steps == 2


def test_a_batch_that_cannot_be_shared_is_refused(tmp_path) -> None:
    with pytest.raises(InputError, match="4 clips cannot be shared evenly by 3"):
        train_tiny(settings("a2m"), data(tmp_path, "a2m"), tmp_path / "run", processes=Processes(0, 3))
    told = settings("a2m", optimisation={"accumulate": 4})
    with pytest.raises(InputError, match="by 2 processes in 4 pieces each"):
        train_tiny(told, tmp_path / "data", tmp_path / "run", processes=Processes(0, 2))


@pytest.mark.filterwarnings("ignore:Mismatch dtype between input and weight")
def test_bfloat16_is_near_float32(tmp_path) -> None:
    folder = data(tmp_path, "a2m")
    results = [
        train_tiny(settings("a2m", optimisation={"precision": precision, "steps": 1}), folder, tmp_path / precision)
        for precision in ("float32", "bfloat16")
    ]  # fmt: skip
    exact, rough = (result.terms["loss"] for result in results)
    assert rough != exact
    assert rough == pytest.approx(exact, rel=0.03)


def test_a_step_without_a_finite_gradient_changes_nothing(tmp_path) -> None:
    told = settings("a2m", optimisation={"steps": 1, "ema": 0.0})
    broken = stage(told, data(tmp_path, "a2m"))
    before = {name: value.clone() for name, value in broken.network.state_dict().items()}
    broken.total = lambda terms, step: terms["infilling"] * float("nan")
    from talk_motion.training.run import train

    result = train(broken, told, tmp_path / "run")
    assert result.skipped == 1
    assert all(torch.equal(value, before[name]) for name, value in broken.network.state_dict().items())
