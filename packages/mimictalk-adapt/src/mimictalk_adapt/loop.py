"""The adaptation itself: static parameters and LoRA learned together."""

import math
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mimictalk_adapt.config import AdaptConfig
from mimictalk_adapt.gradients import StepGradient, StepGradients, laid_out
from mimictalk_adapt.learned import Learned
from mimictalk_adapt.lora import inject, lora_parameters
from mimictalk_adapt.planning import steps_within
from mimictalk_adapt.protocol import AdaptableBackbone, JudgingBackbone, RememberingBackbone
from mimictalk_adapt.state import (
    History,
    Numbers,
    load_moments,
    load_state,
    moments,
    run_key,
    save_state,
)
from mimictalk_adapt.stop_signals import StopSignals

Progress = Callable[[int, int, dict[str, float]], None]
Look = Callable[[int, Numbers], None]
LOWER_RATE = 0.5  # after a roll-back


@dataclass(frozen=True)
class AdaptResult:
    """What a run did.

    Attributes:
        steps: Optimiser steps in all; fewer than planned where patience ended the run.
        resumed_at: Step at which an interrupted run was taken up; 0 for a fresh one.
        seconds: Time of learning, that of interrupted calls included.
        skipped: Steps left out because their loss or gradient was not finite.
        rollbacks: How often the run went back to its last good point.
        best_step: Step whose values are the result: the best held-out point, or the last.
        best: Best held-out numbers; None without a judge.
        curve: (step, terms) about every hundredth of the run.
        held_out: (step, seconds, held-out numbers) of every look.
        spent: Seconds of work by kind, over all calls: "loss" (drawing and comparing) and "backward" of all
            steps, which on a CPU are at work side by side, the "optimiser", "looks" at held-out data, and
            "saving". Of steps that were cut short nothing is counted.
    """

    steps: int
    resumed_at: int
    seconds: float
    skipped: int
    rollbacks: int
    best_step: int
    best: Numbers | None
    curve: list[tuple[int, Numbers]]
    held_out: list[tuple[int, float, Numbers]]
    spent: dict[str, float] = field(default_factory=dict)


def adapt(
    backbone: AdaptableBackbone,
    config: AdaptConfig,
    *,
    budget_s: float | None = None,
    state_folder: Path | None = None,
    key: str = "",
    progress: Progress | None = None,
    look: Look | None = None,
) -> AdaptResult:
    """Learn one person (MimicTalk section 3.2): the static tensors directly, the network through LoRA.

    Adam with betas (0.9, 0.98) as published. The network stays in evaluation mode, so that frozen
    statistics stay frozen (the published run lets batch norm drift and dropout on). A step whose loss or
    gradient is not finite is left out; after several in a row the run goes back to its last good point and
    on at half the rate. A backbone that can judge itself ends at its best held-out point.

    Ctrl-C and SIGTERM end the run at once, with the state saved; steps that are not finished are dropped.

    Args:
        backbone: What to adapt; its network is changed in place.
        config: Settings.
        budget_s: Wall time to stay within, counted from now; the number of steps is set from the speed of
            the first ones, once and for all, and `config.steps` is then the upper limit.
        state_folder: Where the state is kept; with the same settings and `key` the run is taken up there.
        key: Says what is learned from (for example the hash of the clip).
        progress: Called after each step with (steps done, steps in all, loss terms).
        look: Called after each look at held-out data with (steps done, held-out numbers).

    Raises:
        RuntimeError: If more than a tenth of the steps had to be left out.
        InputError: If the state in `state_folder` is damaged.
    """
    return _Run(backbone, config, budget_s, state_folder, key, look).go(progress)


class _Run:
    def __init__(
        self,
        backbone: AdaptableBackbone,
        config: AdaptConfig,
        budget_s: float | None,
        state_folder: Path | None,
        key: str,
        look: Look | None,
    ) -> None:
        self.look = look
        self.began = self.saved_at = time.monotonic()
        self.backbone, self.folder = backbone, state_folder
        self.memory = backbone.memory() if isinstance(backbone, RememberingBackbone) else {}
        self.key = run_key(key=key, budget_s=budget_s, **vars(config))
        inject(
            backbone.network,
            backbone.lora_targets(),
            r=config.r,
            lora_alpha=config.lora_alpha,
            seed=config.seed,
        )
        backbone.network.eval()
        self.optimizer, parameters = _optimizer(backbone, config)
        self.learned = Learned(parameters, config.ema)
        learning = [value for group in self.optimizer.param_groups for value in group["params"]]
        self.gradients = StepGradients(backbone, learning, config.seed)
        self.history = History()
        self._take_up()
        self.spent_before = self.history.seconds
        self.resumed_at = self.history.done
        if not self.history.planned:
            left = None if budget_s is None else budget_s - (time.monotonic() - self.began)
            self.history.planned = (
                config.steps if left is None else steps_within(backbone, config, left, self.gradients.at)
            )
            self._save()  # the plan is a measurement: made once, or a resumed run would be another
        self.config = replace(config, steps=self.history.planned)
        self.stop = StopSignals()

    def go(self, progress: Progress | None) -> AdaptResult:
        history, total = self.history, self.config.steps
        with self.stop:
            try:
                self._look()
                while history.done < total and not self._out_of_patience():
                    terms = self._advance()
                    if progress is not None:
                        progress(history.done, total, terms or {})
                    self._look()
                    if time.monotonic() - self.saved_at >= self.config.save_every_s:
                        with self.stop.held():
                            self._save()
            except (KeyboardInterrupt, SystemExit):
                with self.stop.held():
                    self.learned.show_values()
                    self._save()
                raise
            with self.stop.held():
                self._save()  # a run that is over stays so
                self._show_result()
        return AdaptResult(
            history.done,
            self.resumed_at,
            self._seconds(),
            history.skipped,
            history.rollbacks,
            history.best_step if history.best and self.config.take_best else history.done,
            history.best,
            history.curve,
            history.held_out,
            history.spent,
        )

    def _advance(self) -> Numbers | None:
        """A round: the steps whose gradients are taken together, each done or left out; terms of the last
        that was done. A state is only kept between rounds; one that is cut short was never begun."""
        history = self.history
        last = min(history.done + self.config.together, self.config.steps)
        with self.stop.held() if self.gradients.remembers else nullcontext():
            gradients = self.gradients.at(range(history.done, last))
        rollbacks, terms = history.rollbacks, None
        with self.stop.held():
            for found in gradients:
                for kind, seconds in found.seconds.items():
                    self._spend(kind, seconds)
                if history.rollbacks == rollbacks:  # what follows belongs to values that were given up
                    began = time.monotonic()
                    terms = self._count(self._step(found)) or terms
                    self._spend("optimiser", time.monotonic() - began)
        return terms

    def _spend(self, kind: str, seconds: float) -> None:
        self.history.spent[kind] = self.history.spent.get(kind, 0.0) + seconds

    def _count(self, terms: Numbers | None) -> Numbers | None:
        """Book a step that gave `terms`, or None where it was left out."""
        history, config = self.history, self.config
        history.done += 1
        if terms is None:
            history.skipped += 1
            history.bad_in_a_row += 1
            if history.skipped > 20 + history.done // 10:
                raise RuntimeError(
                    f"{history.skipped} of {history.done} steps had no finite loss; "
                    "the input or settings are bad"
                )
            if history.bad_in_a_row >= config.bad_steps or not self.learned.is_finite():
                self._roll_back()
            return None
        history.bad_in_a_row = 0
        self.learned.follow(history.done)
        if history.done % max(1, config.steps // 100) == 0:
            history.curve.append((history.done, terms))
        return terms

    def _step(self, found: StepGradient) -> Numbers | None:
        """One optimiser step; None where it was left out."""
        config, groups = self.config, self.optimizer.param_groups
        if not found.gradients:
            return None
        for group in groups:
            group["lr"] = group["base"] * config.rate(self.history.done) * self.history.rate
        for parameter, gradient in zip(self.gradients.parameters, found.gradients, strict=True):
            parameter.grad = gradient
        norms: list[Tensor] = [
            torch.nn.utils.clip_grad_norm_(group["params"], config.gradient_norm) for group in groups
        ]
        if not all(bool(torch.isfinite(norm)) for norm in norms):
            return None
        self.optimizer.step()
        if not self.learned.is_finite():
            return None
        return {"loss": float(found.loss)} | {name: float(value) for name, value in found.terms.items()}

    def _roll_back(self) -> None:
        self.learned.go_back()
        self.optimizer.state.clear()
        self.history.rate *= LOWER_RATE
        self.history.rollbacks += 1
        self.history.bad_in_a_row = 0

    def _look(self) -> None:
        """Judge where it is time to, and keep the point if it is the best so far."""
        history = self.history
        if not self.config.looks_at(history.done, history.looked_at):
            return
        began = time.monotonic()
        numbers: Numbers | None = None
        if isinstance(self.backbone, JudgingBackbone):
            with self.stop.held():
                self.learned.show_average()
            numbers = self.backbone.judge()
        with self.stop.held():
            self._note_look(numbers)
            self.learned.show_values()
            self._spend("looks", time.monotonic() - began)
        if numbers and self.look is not None:
            self.look(history.done, numbers)

    def _note_look(self, numbers: Numbers | None) -> None:
        """Write a look down; the values looked at are still in place."""
        history = self.history
        history.looked_at = history.done
        if not numbers:
            self.learned.keep()
            return
        best = history.best
        history.held_out.append((history.done, round(self._seconds(), 2), numbers))
        if math.isfinite(numbers["score"]) and (best is None or numbers["score"] < best["score"]):
            history.best_step, history.worse = history.done, 0
            self.learned.keep()
        else:
            history.worse += 1

    def _out_of_patience(self) -> bool:
        return 0 < self.config.patience <= self.history.worse

    def _show_result(self) -> None:
        """The best held-out point where there is one, else the running mean, else the values as they are."""
        if self.history.best and self.config.take_best:
            self.learned.go_back()
        else:
            self.learned.show_average()

    def _seconds(self) -> float:
        return self.spent_before + time.monotonic() - self.began

    def _save(self) -> None:
        if self.folder is not None:
            began = time.monotonic()
            self.history.seconds = round(self._seconds(), 2)
            memory = {f"memory.{name}": value for name, value in self.memory.items()}
            adam = moments(self.learned.parameters, self.optimizer)
            save_state(self.folder, self.learned.tensors() | adam | memory, self.history, self.key)
            self.saved_at = time.monotonic()
            self._spend("saving", self.saved_at - began)

    def _take_up(self) -> None:
        found = load_state(self.folder, self.key) if self.folder is not None else None
        if found is None:
            return
        tensors, self.history = found
        self.learned.load(tensors)
        load_moments(self.learned.parameters, self.optimizer, tensors)
        for parameter, kept in self.optimizer.state.items():
            kept |= {n: laid_out(value, parameter) for n, value in kept.items() if n.startswith("exp_avg")}
        for name, value in self.memory.items():
            value.copy_(tensors[f"memory.{name}"])


def _optimizer(
    backbone: AdaptableBackbone, config: AdaptConfig
) -> tuple[torch.optim.Adam, dict[str, nn.Parameter]]:
    dynamic = lora_parameters(backbone.network)
    groups: list[dict[str, Any]] = [{"params": list(dynamic.values()), "base": config.learning_rate}]
    parameters = {f"lora.{name}": value for name, value in dynamic.items()}
    for name, (parameter, factor) in backbone.static_parameters().items():
        parameters[f"static.{name}"] = parameter
        groups.append({"params": [parameter], "base": config.static_learning_rate * factor})
    for group in groups:
        for parameter in group["params"]:
            parameter.requires_grad_(group["base"] > 0)
    learning = [group for group in groups if group["base"] > 0]
    # Fused: one pass over millions of values, where the usual one makes a dozen.
    return torch.optim.Adam(learning, lr=0.0, betas=(0.9, 0.98), fused=True), parameters
