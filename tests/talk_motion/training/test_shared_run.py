"""Runs cut into pieces, and runs shared by two processes, do what one process does at once."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import talk_training
from talk_motion.clip_dropout import ClipDropout
from talk_motion.errors import InputError
from restarted_processes import join_and_join_again
from shared_processes import run_shared
from talk_training import settings, shards, train_tiny

# Sums are taken in another order: relative errors of about 1e-6 in single precision. Adam divides each gradient by
# its own size, so that rounding of a tiny one may turn into a part of a step of 3e-3.
LOSS, WEIGHT = 2e-5, 3e-4
DROPPING = {"kind": "a2m", "model": {"dropout": 0.2}}
# The published forms normalise by the clips of a process's share (batch norm), the sync expert contrasts them.
NEAR = {"full": 2e-2, "a2m-vae": 2e-2}


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def shared(cases: dict[str, dict], *options: str) -> None:
    """Two processes under torchrun go through the cases."""
    run_shared(talk_training.__file__, cases, *options)


def told(case: dict):
    return settings(
        case["kind"], **{name: value for name, value in case.items() if name not in ("kind", "data")}
    )


def logged(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def assert_alike(one: Path, other: Path, weight: float = WEIGHT, loss: float = LOSS) -> None:
    """Curves and states of two runs are the same but for rounding."""
    first, second = logged(one), logged(other)
    assert len(first) == len(second)
    for a, b in zip(first, second, strict=True):
        assert a == pytest.approx(b, rel=loss, abs=2e-6)  # numbers in the log have six digits after the point
    states = [load_file(folder / "state.safetensors") for folder in (one, other)]
    assert states[0].keys() == states[1].keys()
    for name, value in states[0].items():
        if not name.startswith("adam.") and "norm.running" not in name:
            assert torch.allclose(value.float(), states[1][name].float(), atol=weight), name


@pytest.mark.parametrize(
    ("precision", "loss", "weight"), [("float32", LOSS, WEIGHT), ("bfloat16", 5e-3, 4e-3)]
)
@pytest.mark.filterwarnings("ignore:Mismatch dtype between input and weight")
def test_a_batch_in_pieces_is_the_batch_at_once(precision, loss, weight, tmp_path) -> None:
    """In bfloat16 the networks' arithmetic has 8 bits, which sums in another order show."""
    data = shards(tmp_path / "data", frames=40)
    for pieces in (1, 4):
        part = {"precision": precision, "accumulate": pieces}
        train_tiny(told({**DROPPING, "optimisation": part}), data, tmp_path / f"{pieces}")
    assert_alike(tmp_path / "1", tmp_path / "4", weight, loss)


def test_a_run_goes_on_across_numbers_of_processes(tmp_path) -> None:
    data = shards(tmp_path / "data", frames=40)
    middle = {**DROPPING, "optimisation": {"accumulate": 2}}
    train_tiny(told(DROPPING), data, tmp_path / "one")
    train_tiny(told(DROPPING), data, tmp_path / "1-2-1", stop_after=0.0)
    shared({
        str(tmp_path / "two"): {**DROPPING, "data": str(data)},
        str(tmp_path / "1-2-1"): {**middle, "data": str(data), "one_step": True},
    })  # fmt: skip
    assert_alike(tmp_path / "one", tmp_path / "two")
    result = train_tiny(told(DROPPING), data, tmp_path / "1-2-1")
    assert (result.resumed_at, result.steps) == (2, 4)
    assert_alike(tmp_path / "one", tmp_path / "1-2-1")


@pytest.mark.slow
def test_the_other_stages_in_two_processes(tmp_path) -> None:
    """As near as what they share within a batch allows; the sync expert only runs through."""
    cases = {
        kind: shards(tmp_path / kind / "data", frames=80 if kind == "sync" else 40)
        for kind in (*NEAR, "sync")
    }
    shared({str(tmp_path / kind / "two"): {"kind": kind, "data": str(data)} for kind, data in cases.items()})
    for kind, near in NEAR.items():
        train_tiny(settings(kind), cases[kind], tmp_path / kind / "one")
        assert_alike(tmp_path / kind / "one", tmp_path / kind / "two", near, 0.1)
    assert logged(tmp_path / "sync" / "two")[-1]["step"] == 4


@pytest.mark.slow
def test_a_killed_process_is_started_again_and_nothing_is_lost(tmp_path) -> None:
    """kill -9 of rank 0 under `torchrun --max-restarts`, a step after the last kept state: the same bits."""
    for kind in ("a2m", "full", "a2m-vae", "sync"):
        data = shards(tmp_path / kind / "data", frames=80 if kind == "sync" else 40)
        case = {**(DROPPING if kind == "a2m" else {"kind": kind}), "data": str(data)}
        calm, killed = tmp_path / kind / "calm", tmp_path / kind / "killed"
        shared({str(calm): case})
        shared({str(killed): {**case, "kill": True}}, "--max-restarts=2")
        assert [line["step"] for line in logged(killed)] == [1, 2, 3, 4]
        assert logged(killed) == logged(calm)
        states = [load_file(folder / "state.safetensors") for folder in (calm, killed)]
        assert states[0].keys() == states[1].keys()
        for name, value in states[0].items():
            assert torch.equal(value, states[1][name]), (kind, name)
        made = [path.relative_to(calm) for path in calm.rglob("*.safetensors") if path.stem != "state"]
        assert made
        for name in made:
            weights = [load_file(folder / name) for folder in (calm, killed)]
            assert all(torch.equal(value, weights[1][part]) for part, value in weights[0].items()), (
                kind,
                name,
            )


@pytest.mark.parametrize("turned", [False, True])
def test_shares_of_dropout_are_those_of_the_whole(turned) -> None:
    layer, x = ClipDropout(0.3), torch.ones(6, 5, 4)
    if turned:
        x = x.transpose(1, 2)
    torch.manual_seed(3)
    whole = layer(x)
    assert 0.4 < float((whole > 0).float().mean()) < 0.95
    for number in range(3):
        layer.place = (number, 3)
        torch.manual_seed(3)
        assert torch.equal(layer(x[number::3]), whole[number::3])


def test_a_flipped_bit_of_a_state_is_refused(tmp_path) -> None:
    data = shards(tmp_path / "data", frames=40)
    train_tiny(settings("a2m"), data, tmp_path / "run", stop_after=0.0)
    state = tmp_path / "run" / "state.safetensors"
    content = bytearray(state.read_bytes())
    content[-5] ^= 1
    state.write_bytes(content)
    with pytest.raises(InputError, match="its seal does not match"):
        train_tiny(settings("a2m"), data, tmp_path / "run")


@pytest.mark.slow
def test_processes_that_are_started_again_find_each_other() -> None:
    """Whatever addresses of ended processes the store holds, and whoever comes first."""
    assert join_and_join_again("talk_motion.training.processes") == ["2", "2"]
