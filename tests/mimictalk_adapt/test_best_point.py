"""Held-out looks, the running mean, and the way back from steps that are not finite."""

import pytest
import torch
from toy_backbone import JudgingToy, ToyBackbone

from mimictalk_adapt import AdaptConfig, JudgingBackbone, adapt
from mimictalk_adapt.learned import Learned

CONFIG = AdaptConfig(steps=40, r=2, lora_alpha=2, judge_every=10, save_every_s=0.0)


def test_only_a_backbone_with_a_judge_is_judged() -> None:
    assert isinstance(JudgingToy([1.0]), JudgingBackbone)
    assert not isinstance(ToyBackbone(), JudgingBackbone)
    assert adapt(ToyBackbone(), CONFIG).best is None


def test_the_result_is_the_best_held_out_point() -> None:
    backbone = JudgingToy([5.0, 3.0, 1.0, 2.0, 4.0])  # looked at after 0, 10, 20, 30 and 40 steps
    result = adapt(backbone, CONFIG)
    assert [(step, numbers["score"]) for step, _, numbers in result.held_out] == [
        (0, 5.0), (10, 3.0), (20, 1.0), (30, 2.0), (40, 4.0)
    ]  # fmt: skip
    assert (result.steps, result.best_step, result.best) == (40, 20, {"score": 1.0})
    assert torch.equal(backbone.static, backbone.judged[2])
    assert not torch.equal(backbone.judged[2], backbone.judged[4])


def test_patience_ends_a_run_that_gets_no_better() -> None:
    backbone = JudgingToy([5.0, 1.0, 2.0, 2.0, 0.0])
    result = adapt(backbone, AdaptConfig(steps=40, r=2, lora_alpha=2, judge_every=10, patience=2))
    assert (result.steps, result.best_step) == (30, 10)
    assert torch.equal(backbone.static, backbone.judged[1])


def test_a_score_that_is_no_number_is_never_the_best() -> None:
    result = adapt(JudgingToy([float("nan"), 2.0, float("nan")]), CONFIG)
    assert result.best_step == 10


def test_what_is_judged_is_the_running_mean_and_learning_goes_on_from_the_values() -> None:
    plain, judged = ToyBackbone(), JudgingToy([3.0, 2.0, 1.0, 0.5, 0.2])
    adapt(plain, CONFIG)
    config = AdaptConfig(steps=40, r=2, lora_alpha=2, judge_every=10, ema=0.9)
    losses: list[float] = []
    adapt(judged, config, progress=lambda done, total, terms: losses.append(terms["loss"]))
    again: list[float] = []
    adapt(ToyBackbone(), CONFIG, progress=lambda done, total, terms: again.append(terms["loss"]))
    assert losses == again, "the running mean must not touch the values"
    assert not torch.equal(judged.static, plain.static)


def test_the_running_mean_is_the_formula() -> None:
    parameter = torch.nn.Parameter(torch.tensor([1.0]))
    learned = Learned({"a": parameter}, ema=0.9)
    wanted = 1.0
    for step, value in enumerate([2.0, 4.0, 8.0], 1):
        parameter.data.fill_(value)
        learned.follow(step)
        decay = min(0.9, (1 + step) / (10 + step))
        wanted = decay * wanted + (1 - decay) * value
    assert float(learned.average["a"]) == pytest.approx(wanted)
    learned.show_average()
    assert float(parameter.detach()) == pytest.approx(wanted)
    learned.show_values()
    assert float(parameter.detach()) == 8.0


def test_bad_steps_in_a_row_lead_back_to_the_last_good_point_at_a_lower_rate() -> None:
    backbone = ToyBackbone(poison=range(13, 18))  # five after the look at step 10
    seen: dict[int, torch.Tensor] = {}

    def watch(done: int, total: int, terms: dict[str, float]) -> None:
        seen[done] = backbone.static.detach().clone()

    result = adapt(backbone, CONFIG, progress=watch)
    assert (result.skipped, result.rollbacks) == (5, 1)
    assert torch.equal(seen[17], seen[13]), "a bad step changes nothing"
    assert torch.equal(seen[18], seen[10])
    assert not torch.equal(seen[13], seen[10])
    moved = (seen[19] - seen[18]).abs().max()  # Adam's first step is as long as its rate
    rate = 0.5 * CONFIG.static_learning_rate * CONFIG.rate(18)
    assert float(moved) == pytest.approx(rate, rel=1e-3)


def test_values_that_are_not_finite_are_found() -> None:
    parameter = torch.nn.Parameter(torch.ones(3))
    learned = Learned({"a": parameter}, ema=0.0)
    assert learned.is_finite()
    parameter.data[1] = float("inf")
    assert not learned.is_finite()
    learned.go_back()
    assert torch.equal(parameter.detach(), torch.ones(3))
