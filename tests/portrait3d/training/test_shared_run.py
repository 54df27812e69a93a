"""Runs shared by two processes do what one process does, and go on in any number of them."""

import json
from pathlib import Path

import pytest
import torch

import ball_training
from ball_training import DISCRIMINATOR, ball_settings, tiny_portrait, train_ball
from portrait3d.errors import InputError
from portrait3d.training.run_state import fingerprint, load_state
from restarted_processes import join_and_join_again
from shared_processes import run_shared

# Sums are taken in another order: a relative error of about 1e-6 in single precision for a loss of thousands of
# terms. Adam divides each gradient by its own size, so that rounding of a tiny one may turn into a part of a step
# of 3e-3, which the next losses hardly see.
LOSS, WEIGHT = 2e-5, 3e-4
# bfloat16 rounds gradients to 2^-9 of their size; of tiny ones Adam may make a whole step, here and there two.
ROUGH_WEIGHT = 6e-3
ADVERSARIAL = {"sampling": {"window": 0}, "discriminator": DISCRIMINATOR,
               "losses": {"adversarial": 0.1, "r1_every": 2, "density": 0.1, "laplacian": 0.1}}  # fmt: skip
FSDP = {"optimisation": {"parallel": "fsdp"}}


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def shared(cases: dict[str, dict], *options: str) -> None:
    """Two processes go through the cases."""
    run_shared(ball_training.__file__, cases, *options)


def settings_of(case: dict):
    parts = {name: value for name, value in case.items() if name not in ("stage", "one_step", "kill")}
    return ball_settings(case["stage"], **parts)


def kept(folder: Path, case: dict) -> dict[str, dict[str, torch.Tensor]]:
    """The state of a run, as one process reads it."""
    found = load_state(folder, fingerprint(settings_of(case).to_dict(), "balls"))
    assert found is not None
    return found[1]


def logged(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def assert_alike(one: Path, other: Path, case: dict) -> None:
    """Curves and states of two runs are the same but for rounding."""
    first, second = logged(one), logged(other)
    assert [line.keys() for line in first] == [line.keys() for line in second]
    for a, b in zip(first, second, strict=True):
        assert a == pytest.approx(b, rel=LOSS, abs=2e-6)  # numbers in the log have six digits after the point
    states = kept(one, case), kept(other, case)
    assert states[0].keys() == states[1].keys()
    for part in ("model", "average", "adversary", "adam"):
        assert states[0].get(part, {}).keys() == states[1].get(part, {}).keys()
        for name, value in states[0].get(part, {}).items():
            if "exp_avg" not in name:
                near = ROUGH_WEIGHT if case.get("optimisation", {}).get("precision") == "bfloat16" else WEIGHT
                assert torch.allclose(value, states[1][part][name], atol=near), (part, name)


CASES = {
    "i2p": {"stage": "i2p", "sampling": {"window": 16}},
    "fsdp-motion": {"stage": "motion", **FSDP, "sampling": {"window": 16}},
}
MORE = {
    "motion": {"stage": "motion"},
    "torso": {"stage": "torso"},
    "adversarial": {"stage": "motion", **ADVERSARIAL},
    "bfloat16": {"stage": "motion", "optimisation": {"precision": "bfloat16"}},
    "fsdp-i2p": {"stage": "i2p", **FSDP},
    "fsdp-torso": {"stage": "torso", **FSDP},
    "fsdp-adversarial": {"stage": "motion", **ADVERSARIAL, **FSDP},
    "fsdp-bfloat16": {"stage": "motion", "optimisation": {"precision": "bfloat16", "parallel": "fsdp"}},
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> Path:
    """Every case in two processes, and the middle step of runs that begin and end in one."""
    folder = tmp_path_factory.mktemp("runs")
    middle = {}
    for name in CASES:
        train_ball(tiny_portrait(), settings_of(CASES[name]), folder / f"1-2-1-{name}", stop_after=0.0)
        middle[str(folder / f"1-2-1-{name}")] = {**CASES[name], "one_step": True}
    shared({str(folder / name): case for name, case in CASES.items()} | middle)
    return folder


@pytest.mark.parametrize("name", CASES)
def test_two_processes_do_what_one_does_and_runs_go_on_in_either(name, runs, tmp_path) -> None:
    train_ball(tiny_portrait(), settings_of(CASES[name]), tmp_path)
    assert_alike(tmp_path, runs / name, CASES[name])
    states = [path.name for path in runs.joinpath(name).glob("state*")]
    assert states == (["state-00000004"] if name.startswith("fsdp") else ["state.safetensors"])
    mixed = runs / f"1-2-1-{name}"
    result = train_ball(tiny_portrait(), settings_of(CASES[name]), mixed)
    assert (result.resumed_at, result.steps) == (2, 4)
    assert_alike(tmp_path, mixed, CASES[name])


@pytest.mark.slow
def test_every_stage_in_two_processes_is_that_in_one(tmp_path) -> None:
    shared({str(tmp_path / name): case for name, case in MORE.items()})
    for name, case in MORE.items():
        alone = tmp_path / f"{name}-alone"
        train_ball(tiny_portrait(), settings_of(case), alone)
        assert_alike(alone, tmp_path / name, case)


def test_a_damaged_part_of_a_state_is_refused(runs, tmp_path) -> None:
    import shutil

    case = CASES["fsdp-motion"]
    shutil.copytree(runs / "fsdp-motion", tmp_path / "run")
    parts = sorted(tmp_path.glob("run/state-*/*.safetensors"))
    assert len(parts) == 2  # each process wrote one
    content = bytearray(parts[1].read_bytes())
    content[-5] ^= 1
    parts[1].write_bytes(content)
    with pytest.raises(InputError, match="another sha256"):
        kept(tmp_path / "run", case)
    parts[1].unlink()
    with pytest.raises(InputError, match="missing"):
        kept(tmp_path / "run", case)


def test_a_flipped_bit_of_a_state_is_refused(tmp_path) -> None:
    train_ball(tiny_portrait(), ball_settings("i2p"), tmp_path, stop_after=0.0)
    state = tmp_path / "state.safetensors"
    content = bytearray(state.read_bytes())
    content[-5] ^= 1
    state.write_bytes(content)
    with pytest.raises(InputError, match="its seal does not match"):
        kept(tmp_path, {"stage": "i2p"})


def test_adding_up_item_by_item_is_the_gradient_of_the_whole_batch(tmp_path) -> None:
    from ball_training import ball_stage
    from portrait3d.training.run import item_seed
    from portrait3d.training.trainee import modules_of

    settings = ball_settings(
        "motion", optimisation={"steps": 1, "batch": 4, "ema": 0.0, "clip": 0.0, "warm_up": 0, "beta1": 0.0}
    )
    added = tiny_portrait()
    train_ball(added, settings, tmp_path)
    whole = tiny_portrait()
    whole.eval()
    stage, losses = ball_stage(whole, settings), []
    for number in range(4):
        generator = torch.Generator().manual_seed(item_seed(0, 0, number))
        terms = stage.item(0, number, generator).terms
        losses.append(sum(getattr(settings.losses, name) * value for name, value in terms.items()))
    torch.stack(losses).mean().backward()  # one graph for all four
    state = kept(tmp_path, {"stage": "motion", "optimisation": settings.to_dict()["optimisation"]})["adam"]
    for module, part in modules_of(whole, "motion").items():
        for name, parameter in part.named_parameters():
            if parameter.grad is not None:  # with beta1 = 0 Adam's first moment is the gradient
                got = state[f"{module}.{name}/exp_avg"]
                scale = float(parameter.grad.abs().max())
                assert torch.allclose(got, parameter.grad, rtol=1e-4, atol=1e-5 * scale + 1e-9), name


@pytest.mark.slow
def test_a_killed_process_is_started_again_and_nothing_is_lost(tmp_path) -> None:
    """Four runs under `torchrun --max-restarts`: kill -9 of rank 0 after its second step, ddp and fsdp."""
    case = {"stage": "motion", "reporting": {"save_every": 1}}
    for name, more in (("ddp", {}), ("fsdp", FSDP)):
        shared({str(tmp_path / f"{name}-calm"): case | more})
        shared({str(tmp_path / f"{name}-killed"): case | more | {"kill": True}}, "--max-restarts=2")
        calm, killed = (kept(tmp_path / f"{name}-{how}", case | more) for how in ("calm", "killed"))
        for part, tensors in calm.items():
            for tensor in tensors:
                assert torch.equal(tensors[tensor], killed[part][tensor]), (part, tensor)
        assert logged(tmp_path / f"{name}-calm") == logged(tmp_path / f"{name}-killed")


@pytest.mark.slow
def test_processes_that_are_started_again_find_each_other() -> None:
    """Whatever addresses of ended processes the store holds, and whoever comes first."""
    assert join_and_join_again("portrait3d.training.processes") == ["2", "2"]
