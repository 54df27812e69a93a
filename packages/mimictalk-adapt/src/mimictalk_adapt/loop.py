"""The adaptation itself: static parameters and LoRA learned together."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from mimictalk_adapt.config import AdaptConfig
from mimictalk_adapt.lora import inject, lora_parameters
from mimictalk_adapt.protocol import AdaptableBackbone
from mimictalk_adapt.state import load_state, run_key, save_state

Progress = Callable[[int, int, dict[str, float]], None]
PROBE_STEPS = 10


@dataclass(frozen=True)
class AdaptResult:
    """What a run did.

    Attributes:
        steps: Optimiser steps in all.
        resumed_at: Step at which an interrupted run was taken up; 0 for a fresh one.
        seconds: Wall time of this call.
        skipped: Steps left out because their loss or gradient was not finite.
        curve: (step, terms) about every hundredth of the run.
    """

    steps: int
    resumed_at: int
    seconds: float
    skipped: int
    curve: list[tuple[int, dict[str, float]]]


def batch_generator(seed: int, step: int) -> torch.Generator:
    """The randomness of one batch: a function of (seed, step), for a resumed run to see the same."""
    return torch.Generator().manual_seed((seed * 1_000_003 + step) % (2**63 - 1))


def adapt(
    backbone: AdaptableBackbone,
    config: AdaptConfig,
    *,
    budget_s: float | None = None,
    state_folder: Path | None = None,
    key: str = "",
    progress: Progress | None = None,
) -> AdaptResult:
    """Learn one person (MimicTalk section 3.2): the static tensors directly, the network through LoRA.

    Adam with betas (0.9, 0.98) as published. The network stays in evaluation mode, so that frozen
    statistics stay frozen (the published run lets batch norm drift and dropout on). A step whose loss or
    gradient is not finite is left out.

    Args:
        backbone: What to adapt; its network is changed in place.
        config: Settings.
        budget_s: Wall time to stay within, counted from now; the number of steps is set from the speed of
            the first ones, and `config.steps` is then the upper limit.
        state_folder: Where the state is kept; with the same settings and `key` the run is taken up there.
        key: Says what is learned from (for example the hash of the clip).
        progress: Called after each step with (steps done, steps in all, loss terms).

    Raises:
        RuntimeError: If more than a tenth of the steps had to be left out.
    """
    started = time.monotonic()
    network = backbone.network
    targets = backbone.lora_targets()
    inject(network, targets, r=config.r, lora_alpha=config.lora_alpha, seed=config.seed)
    network.eval()
    optimizer, parameters = _optimizer(backbone, config)
    settings = run_key(key=key, budget_s=budget_s, **vars(config))
    done = load_state(state_folder, parameters, optimizer, settings) if state_folder else 0
    resumed_at, skipped, last_save = done, 0, time.monotonic()
    curve: list[tuple[int, dict[str, float]]] = []
    if budget_s is not None:
        config = replace(
            config, steps=_steps_within(backbone, config, budget_s - (time.monotonic() - started))
        )
    try:
        while done < config.steps:
            terms = _step(backbone, config, optimizer, parameters, done)
            done += 1
            skipped += terms is None
            if skipped > 20 + done // 10:
                raise RuntimeError(
                    f"{skipped} of {done} steps had no finite loss; the input or settings are bad"
                )
            if terms and done % max(1, config.steps // 100) == 0:
                curve.append((done, terms))
            if progress is not None:
                progress(done, config.steps, terms or {})
            if state_folder and time.monotonic() - last_save >= config.save_every_s:
                save_state(state_folder, done, parameters, optimizer, settings)
                last_save = time.monotonic()
    except KeyboardInterrupt:
        if state_folder:
            save_state(state_folder, done, parameters, optimizer, settings)
        raise
    return AdaptResult(config.steps, resumed_at, time.monotonic() - started, skipped, curve)


def _optimizer(
    backbone: AdaptableBackbone, config: AdaptConfig
) -> tuple[torch.optim.Adam, dict[str, nn.Parameter]]:
    dynamic = lora_parameters(backbone.network)
    groups = [{"params": list(dynamic.values()), "base": config.learning_rate}]
    parameters = {f"lora.{name}": value for name, value in dynamic.items()}
    for name, (parameter, factor) in backbone.static_parameters().items():
        parameters[f"static.{name}"] = parameter
        groups.append({"params": [parameter], "base": config.static_learning_rate * factor})
    return torch.optim.Adam(groups, lr=0.0, betas=(0.9, 0.98)), parameters


def _step(
    backbone: AdaptableBackbone,
    config: AdaptConfig,
    optimizer: torch.optim.Adam,
    parameters: dict[str, nn.Parameter],
    step: int,
) -> dict[str, float] | None:
    """One optimiser step; None where it was left out."""
    for group in optimizer.param_groups:
        group["lr"] = group["base"] * config.rate(step)
    optimizer.zero_grad(set_to_none=True)
    loss, terms = backbone.loss(batch_generator(config.seed, step))
    if not bool(torch.isfinite(loss)):
        return None
    loss.backward()
    norms: list[Tensor] = [
        torch.nn.utils.clip_grad_norm_(group["params"], config.gradient_norm)
        for group in optimizer.param_groups
    ]
    if not all(bool(torch.isfinite(norm)) for norm in norms):
        return None
    optimizer.step()
    return {"loss": float(loss.detach())} | {name: float(value.detach()) for name, value in terms.items()}


def _steps_within(backbone: AdaptableBackbone, config: AdaptConfig, seconds: float) -> int:
    """How many steps fit into a time, from the speed of a few that are thrown away."""
    taken = []
    for step in range(PROBE_STEPS):
        begin = time.monotonic()
        loss, _ = backbone.loss(batch_generator(config.seed, step))
        loss.backward()
        taken.append(time.monotonic() - begin)
    seconds -= sum(taken)
    per_step = sorted(taken[2:])[len(taken[2:]) // 2] * 1.1
    return max(1, min(config.steps, int(seconds / per_step)))
