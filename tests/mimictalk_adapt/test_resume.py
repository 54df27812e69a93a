"""A run stopped anywhere goes on and ends with the very same bits."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from toy_backbone import JudgingToy, RememberingToy, ToyBackbone

from mimictalk_adapt import AdaptConfig, adapt
from mimictalk_adapt.errors import InputError
from mimictalk_adapt.lora import lora_parameters, save_adapter
from mimictalk_adapt.state import FILE, History, load_state, save_state
from mimictalk_adapt.stop_signals import StopSignals

CONFIG = AdaptConfig(steps=30, r=2, lora_alpha=2, judge_every=10, ema=0.9, save_every_s=0.0)
SCORES = [5.0, 4.0, 1.0, 2.0]


def values(backbone: ToyBackbone) -> list[torch.Tensor]:
    return [backbone.static.detach(), *(value.detach() for value in lora_parameters(backbone.net).values())]


def stop_at(step: int) -> Callable[[int, int, dict[str, float]], None]:
    def progress(done: int, total: int, terms: dict[str, float]) -> None:
        if done == step:
            raise KeyboardInterrupt

    return progress


@pytest.mark.parametrize("step", [1, 10, 21, 30])
@pytest.mark.parametrize(
    "kind", [RememberingToy, lambda: JudgingToy(SCORES), lambda: ToyBackbone(poison=range(3, 10))]
)
def test_curves_points_memory_and_rollbacks_are_taken_up(tmp_path: Path, kind: Callable, step: int) -> None:
    whole, first, second = kind(), kind(), kind()
    wanted = adapt(whole, CONFIG)
    with pytest.raises(KeyboardInterrupt):
        adapt(first, CONFIG, state_folder=tmp_path, progress=stop_at(step))
    second.calls = first.calls  # what the toys count outside their memory
    if isinstance(second, JudgingToy):
        second.judged = list(first.judged)
    result = adapt(second, CONFIG, state_folder=tmp_path)
    assert result.resumed_at == step
    assert all(torch.equal(a, b) for a, b in zip(values(whole), values(second), strict=True))
    assert (result.curve, result.rollbacks, result.skipped) == (
        wanted.curve,
        wanted.rollbacks,
        wanted.skipped,
    )
    assert [look[2] for look in result.held_out] == [look[2] for look in wanted.held_out]
    assert result.best_step == wanted.best_step


def test_a_finished_run_is_not_done_again(tmp_path: Path) -> None:
    first, second = ToyBackbone(), ToyBackbone()
    adapt(first, CONFIG, state_folder=tmp_path)
    result = adapt(second, CONFIG, state_folder=tmp_path, progress=stop_at(1))
    assert (result.resumed_at, second.calls) == (30, 0)
    assert all(torch.equal(a, b) for a, b in zip(values(first), values(second), strict=True))


def test_a_budget_is_turned_into_steps_once(tmp_path: Path) -> None:
    config = AdaptConfig(steps=10**5, r=2, lora_alpha=2, save_every_s=1000.0)
    with pytest.raises(KeyboardInterrupt):
        adapt(ToyBackbone(), config, budget_s=0.5, state_folder=tmp_path, progress=stop_at(7))
    resumed = ToyBackbone()
    result = adapt(resumed, config, budget_s=0.5, state_folder=tmp_path)
    assert result.resumed_at == 7
    whole = ToyBackbone()
    adapt(whole, AdaptConfig(steps=result.steps, r=2, lora_alpha=2))
    assert all(torch.equal(a, b) for a, b in zip(values(whole), values(resumed), strict=True))


def test_a_flipped_bit_is_noticed(tmp_path: Path) -> None:
    tensors = {"value.a": torch.arange(4.0), "step.a": torch.tensor(3.0)}
    save_state(tmp_path, tensors, History(done=3), "k")
    found = load_state(tmp_path, "k")
    assert found is not None
    assert torch.equal(found[0]["value.a"], tensors["value.a"])
    assert found[1] == History(done=3)
    whole = bytearray((tmp_path / FILE).read_bytes())
    for place in (len(whole) - 1, whole.index(b"history") + 30):
        broken = bytearray(whole)
        broken[place] ^= 1
        (tmp_path / FILE).write_bytes(broken)
        with pytest.raises(InputError, match="damaged"):
            load_state(tmp_path, "k")
    (tmp_path / FILE).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="damaged"):
        load_state(tmp_path, "k")


def test_no_nan_reaches_the_disk(tmp_path: Path) -> None:
    save_state(tmp_path, {"value.a": torch.ones(2)}, History(), "k")
    before = (tmp_path / FILE).read_bytes()
    with pytest.raises(ValueError, match="value.a holds values that are not finite"):
        save_state(tmp_path, {"value.a": torch.tensor([1.0, float("nan")])}, History(), "k")
    assert (tmp_path / FILE).read_bytes() == before
    backbone = ToyBackbone()
    adapt(backbone, AdaptConfig(steps=1, r=2, lora_alpha=2))
    next(iter(lora_parameters(backbone.net).values())).data[0] = float("inf")
    with pytest.raises(ValueError, match="not finite"):
        save_adapter(backbone.net, tmp_path / "adapter", r=2, lora_alpha=2, targets=backbone.lora_targets())
    assert not (tmp_path / "adapter" / "adapter_model.safetensors").exists()


@pytest.mark.parametrize(
    ("number", "raised"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit)]
)
def test_a_signal_waits_for_the_end_of_a_step(number: int, raised: type[BaseException]) -> None:
    done = []
    before = signal.getsignal(number)
    with pytest.raises(raised), StopSignals() as stop:
        with stop.held():
            os.kill(os.getpid(), number)
            done.append("the step")
        done.append("never")
    assert done == ["the step"]
    assert signal.getsignal(number) is before


PROGRAM = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from toy_backbone import ToyBackbone
from mimictalk_adapt import AdaptConfig, adapt
def progress(done, total, terms):
    time.sleep(0.01)
    print(done, flush=True)
config = AdaptConfig(steps=10**6, r=2, lora_alpha=2, save_every_s=1000.0)
adapt(ToyBackbone(), config, state_folder=Path(sys.argv[1]), progress=progress)
"""


def test_sigterm_ends_a_program_with_its_state_saved(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PROGRAM, str(tmp_path), str(Path(__file__).parent)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        told = [int(program.stdout.readline()) for _ in range(5)]
        program.send_signal(signal.SIGTERM)
        assert program.wait(timeout=30) == 143
        told += [int(line) for line in program.stdout]
    next_steps: list[int] = []

    def note_and_stop(done: int, total: int, terms: dict[str, float]) -> None:
        next_steps.append(done)
        raise KeyboardInterrupt

    config = AdaptConfig(steps=10**6, r=2, lora_alpha=2, save_every_s=1000.0)
    with pytest.raises(KeyboardInterrupt):
        adapt(ToyBackbone(), config, state_folder=tmp_path, progress=note_and_stop)
    assert next_steps[0] in (told[-1] + 1, told[-1] + 2)  # a step may have ended without being told


class SlowToy(ToyBackbone):
    """Someone presses Ctrl-C while the third step's loss is computed, which takes long."""

    slow = False

    def loss(self, generator: torch.Generator) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        if self.slow:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(5)
        return super().loss(generator)


@pytest.mark.parametrize("together", [1, 2])
def test_ctrl_c_does_not_wait_for_steps_that_are_in_work(tmp_path: Path, together: int) -> None:
    config = AdaptConfig(steps=8, r=2, lora_alpha=2, together=together)
    wanted, slow, again = ToyBackbone(), SlowToy(), ToyBackbone()
    adapt(wanted, config)

    def before_the_fifth(done: int, total: int, terms: dict[str, float]) -> None:
        slow.slow = done == 4

    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        adapt(slow, config, state_folder=tmp_path, progress=before_the_fifth)
    assert time.monotonic() - began < 4
    assert adapt(again, config, state_folder=tmp_path).resumed_at == 4
    for name, value in lora_parameters(wanted.net).items():
        assert torch.equal(value, lora_parameters(again.net)[name])


class ChannelsLastToy(ToyBackbone):
    """Its picture lies in memory as convolutions read it fastest."""

    def __init__(self) -> None:
        super().__init__()
        self.static = torch.nn.Parameter(self.static.detach().to(memory_format=torch.channels_last))


def test_moments_are_taken_up_whatever_the_order_in_memory(tmp_path: Path) -> None:
    config = AdaptConfig(steps=8, r=2, lora_alpha=2, static_learning_rate=0.1)
    whole, again = ChannelsLastToy(), ChannelsLastToy()
    adapt(whole, config)

    def stop(done: int, total: int, terms: dict[str, float]) -> None:
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        adapt(ChannelsLastToy(), config, state_folder=tmp_path, progress=stop)
    assert adapt(again, config, state_folder=tmp_path).resumed_at == 4
    assert torch.equal(whole.static, again.static)
