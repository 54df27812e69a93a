import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from torch import nn
from toy_backbone import RememberingToy, ToyBackbone

from mimictalk_adapt import AdaptableBackbone, AdaptConfig, adapt
from mimictalk_adapt.lora import inject, lora_parameters
from mimictalk_adapt.planning import batch_generator
from mimictalk_adapt.state import FILE

CONFIG = AdaptConfig(steps=40, r=2, lora_alpha=2, save_every_s=0.0)


def test_the_toy_satisfies_the_protocol() -> None:
    assert isinstance(ToyBackbone(), AdaptableBackbone)


def test_learning_lowers_the_loss_and_touches_only_static_and_lora() -> None:
    backbone = ToyBackbone()
    frozen = {name: value.clone() for name, value in backbone.net.state_dict().items()}
    losses: list[float] = []
    config = AdaptConfig(steps=150, r=2, lora_alpha=2, static_learning_rate=0.1, learning_rate=0.02)
    adapt(backbone, config, progress=lambda done, total, terms: losses.append(terms["loss"]))
    assert sum(losses[-10:]) < 0.7 * sum(losses[:10])
    after = backbone.net.state_dict()
    for name, value in frozen.items():
        wrapped = name if name in after else name.replace(".", ".base_layer.", 1)
        assert torch.equal(after[wrapped], value), f"{name} is frozen but changed"
    assert all(parameter.abs().sum() > 0 for parameter in lora_parameters(backbone.net).values())


def test_statistics_and_dropout_of_a_network_in_training_mode_stay_off() -> None:
    backbone = ToyBackbone()
    backbone.net.train()
    batch_norm = next(module for module in backbone.net if isinstance(module, nn.BatchNorm2d))
    adapt(backbone, CONFIG)
    assert int(batch_norm.num_batches_tracked) == 0
    assert torch.equal(batch_norm.running_mean, torch.zeros(3))
    assert torch.equal(batch_norm.running_var, torch.ones(3))
    assert torch.equal(backbone.net(backbone.static), backbone.net(backbone.static)), "dropout is on"


def test_a_run_tells_where_its_time_went_also_over_an_interruption(tmp_path) -> None:
    def stop_at_17(done: int, total: int, terms: dict[str, float]) -> None:
        if done == 17:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        adapt(ToyBackbone(), CONFIG, state_folder=tmp_path, progress=stop_at_17)
    before = json.loads(read_state(tmp_path)["history"])["spent"]
    result = adapt(ToyBackbone(), CONFIG, state_folder=tmp_path)
    assert set(result.spent) == {"loss", "backward", "optimiser", "looks", "saving"}
    for kind, seconds in before.items():
        assert 0 < seconds < result.spent[kind]
    assert result.spent["loss"] + result.spent["backward"] < 2 * result.seconds  # two threads at most


def read_state(folder: Path) -> dict[str, str]:
    with safe_open(folder / FILE, "pt") as file:
        return file.metadata()


@pytest.mark.parametrize("still", ["learning_rate", "static_learning_rate"])
def test_a_rate_of_zero_leaves_one_half_as_it_was(still: str) -> None:
    backbone = ToyBackbone()
    adapt(backbone, AdaptConfig(steps=5, r=2, lora_alpha=2, **{still: 0.0}))
    moved = {"static_learning_rate": float(backbone.static.detach().abs().sum())}
    halves = [value for name, value in lora_parameters(backbone.net).items() if ".lora_B." in name]
    moved["learning_rate"] = float(sum(value.detach().abs().sum() for value in halves))
    assert moved.pop(still) == 0.0
    assert next(iter(moved.values())) > 0.0


def test_an_interrupted_run_ends_bit_identical(tmp_path) -> None:
    whole = ToyBackbone()
    adapt(whole, CONFIG)

    def stop_at_17(done: int, total: int, terms: dict[str, float]) -> None:
        if done == 17:
            raise KeyboardInterrupt

    first = ToyBackbone()
    with pytest.raises(KeyboardInterrupt):
        adapt(first, CONFIG, state_folder=tmp_path, key="clip", progress=stop_at_17)
    second = ToyBackbone()
    result = adapt(second, CONFIG, state_folder=tmp_path, key="clip")
    assert result.resumed_at == 17
    assert torch.equal(second.static, whole.static)
    for name, value in lora_parameters(whole.net).items():
        assert torch.equal(lora_parameters(second.net)[name], value), name


def test_a_state_of_another_clip_is_not_taken_up(tmp_path) -> None:
    adapt(ToyBackbone(), CONFIG, state_folder=tmp_path, key="one clip")
    result = adapt(ToyBackbone(), CONFIG, state_folder=tmp_path, key="another clip")
    assert result.resumed_at == 0


def test_a_step_without_a_finite_loss_is_left_out() -> None:
    backbone = ToyBackbone(poison={5})
    result = adapt(backbone, CONFIG)
    assert result.skipped == 1
    assert torch.isfinite(backbone.static).all()


def test_a_run_of_bad_steps_is_an_error() -> None:
    backbone = ToyBackbone()
    backbone.target = backbone.target * float("nan")
    with pytest.raises(RuntimeError, match="no finite loss"):
        adapt(backbone, CONFIG)


def test_a_budget_sets_the_number_of_steps() -> None:
    result = adapt(ToyBackbone(), AdaptConfig(steps=10**6, r=2, lora_alpha=2), budget_s=1.5)
    assert 10 < result.steps < 10**6
    assert result.seconds < 30  # of a busy machine; without a budget the steps would take hours


@pytest.mark.parametrize("name", ["steps", "r", "gradient_norm"])
def test_bad_settings_are_quoted(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must be positive, got 0"):
        AdaptConfig(**{name: 0})


def test_rate_rises_then_falls() -> None:
    config = AdaptConfig(steps=100, warm_up=9)
    assert config.rate(0) == pytest.approx(0.1, rel=1e-3)
    assert config.rate(50) == pytest.approx(0.02 + 0.98 * 0.5)  # half way along the cosine
    assert config.rate(100) == pytest.approx(0.02)
    assert AdaptConfig(schedule="constant").rate(10**6) == 1.0


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ({"ema": 1.0}, r"ema must be in \[0, 1\), got 1.0"),
        ({"schedule": "jumpy"}, "got 'jumpy'"),
        ({"patience": -1}, "patience must not be negative, got -1"),
        ({"learning_rate": 0.0, "static_learning_rate": 0.0}, "nothing would learn"),
        ({"gradient_norm": float("nan")}, "gradient_norm must be positive, got nan"),
    ],
)
def test_settings_that_make_no_sense_are_refused(bad: dict, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        AdaptConfig(**bad)


def test_steps_together_meet_the_same_values() -> None:
    config = AdaptConfig(steps=2, together=2, r=2, lora_alpha=2)
    backbone, twin = ToyBackbone(), ToyBackbone()
    adapt(backbone, config)
    # The same by hand: both gradients before the first step.
    inject(twin.net, twin.lora_targets(), r=2, lora_alpha=2, seed=0)
    twin.net.eval()
    groups = [[*lora_parameters(twin.net).values()], [twin.static]]
    rates = [config.learning_rate, config.static_learning_rate]
    adam = torch.optim.Adam([{"params": group} for group in groups], lr=0.0, betas=(0.9, 0.98))
    losses = [twin.loss(batch_generator(0, step))[0] for step in range(2)]
    found = [torch.autograd.grad(loss, [*groups[0], *groups[1]]) for loss in losses]
    for step, gradients in enumerate(found):
        for parameter, gradient in zip([*groups[0], *groups[1]], gradients, strict=True):
            parameter.grad = gradient.clone()
        for group, own, rate in zip(adam.param_groups, groups, rates, strict=True):
            group["lr"] = rate * config.rate(step)
            torch.nn.utils.clip_grad_norm_(own, 1.0)
        adam.step()
    assert torch.allclose(backbone.static, twin.static, atol=1e-7)
    for name, value in lora_parameters(twin.net).items():
        assert torch.allclose(lora_parameters(backbone.net)[name], value, atol=1e-7), name


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_steps_together_end_alike_on_any_number_of_threads(threads: int) -> None:
    config, before = AdaptConfig(steps=9, together=2, r=2, lora_alpha=2), torch.get_num_threads()
    alone, shared = ToyBackbone(), ToyBackbone()
    adapt(alone, config)
    torch.set_num_threads(threads)
    try:
        result = adapt(shared, config)
        assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    assert result.steps == 9
    assert torch.equal(alone.static, shared.static)


def test_an_interrupted_run_of_steps_together_ends_bit_identical(tmp_path) -> None:
    config = AdaptConfig(steps=40, together=3, r=2, lora_alpha=2, save_every_s=0.0)
    whole, first, second = ToyBackbone(), ToyBackbone(), ToyBackbone()
    adapt(whole, config)

    def stop_late(done: int, total: int, terms: dict[str, float]) -> None:
        if done >= 17:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        adapt(first, config, state_folder=tmp_path, key="clip", progress=stop_late)
    assert adapt(second, config, state_folder=tmp_path, key="clip").resumed_at == 18  # six whole rounds
    assert torch.equal(second.static, whole.static)


def test_looks_come_at_the_end_of_the_round_that_passes_them() -> None:
    config = AdaptConfig(steps=40, together=4, judge_every=10)
    looked, last = [], -1
    for done in range(0, 41, 4):
        if config.looks_at(done, last):
            looked.append(done)
            last = done
    assert looked == [0, 12, 20, 32, 40]


class ChannelsLast(torch.autograd.Function):
    """Nothing, but for the order in which its gradient lies in memory."""

    @staticmethod
    def forward(ctx, x: torch.Tensor) -> torch.Tensor:
        return x.clone()

    @staticmethod
    def backward(ctx, gradient: torch.Tensor) -> torch.Tensor:
        return gradient.contiguous(memory_format=torch.channels_last)


class ChannelsLastToy(ToyBackbone):
    """Its static picture gets gradients as a kernel with its channels last gives them."""

    def loss(self, generator: torch.Generator) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        weight = torch.rand(1, 1, 8, 8, generator=generator)
        loss = ((self.net(ChannelsLast.apply(self.static)) - self.target).abs() * weight).mean()
        return loss, {"colour": loss.detach()}


def test_gradients_that_lie_otherwise_in_memory_give_the_same_run() -> None:
    plain, turned = ToyBackbone(), ChannelsLastToy()
    for backbone in (plain, turned):
        adapt(backbone, AdaptConfig(steps=10, r=2, lora_alpha=2))
    assert torch.allclose(plain.static, turned.static, atol=1e-6)


def test_a_backbone_that_remembers_meets_its_batches_in_order() -> None:
    backbone = RememberingToy()
    adapt(backbone, AdaptConfig(steps=6, together=3, r=2, lora_alpha=2))
    assert float(backbone.seen) == 6
