import pytest
import torch
from torch import nn
from toy_backbone import ToyBackbone

from mimictalk_adapt import AdaptableBackbone, AdaptConfig, adapt
from mimictalk_adapt.lora import lora_parameters

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
