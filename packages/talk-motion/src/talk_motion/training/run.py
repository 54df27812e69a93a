"""The loop of every stage: exact resume, several processes, averaged weights, the best ones kept."""

import copy
import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from talk_motion.clip_dropout import ClipDropout
from talk_motion.errors import InputError
from talk_motion.run_state import restore, store
from talk_motion.training.processes import Processes
from talk_motion.training.run_log import RunLog
from talk_motion.training.settings import TrainingSettings
from talk_motion.training.stage import Stage
from talk_motion.training.stop_request import StopRequest, stop_requests

SMOOTH = 0.95  # of the reported numbers: their running mean
Progress = Callable[[int, int, dict[str, float]], None]


@dataclass(frozen=True)
class TrainingResult:
    """How a run ended.

    Attributes:
        steps: Steps done in all.
        resumed_at: Steps that had been done before.
        seconds: Wall time of this call.
        skipped: Steps of this call without a finite gradient.
        terms: Running means of the terms of the loss.
        best: Step and scores of the weights that were kept; empty where nothing was judged.
    """

    steps: int
    resumed_at: int
    seconds: float
    skipped: int
    terms: dict[str, float]
    best: dict[str, float] = field(default_factory=dict)


def fingerprint(settings: TrainingSettings, data: str) -> str:
    """What must be the same for a run to go on: data, and settings but for how often it reports, how the work
    is shared, and what the data sets are called."""
    whole = settings.to_dict()
    told = {name: value for name, value in whole.items() if name not in ("reporting", "data_sets")}
    told["optimisation"] = {n: v for n, v in whole["optimisation"].items() if n != "accumulate"}
    return hashlib.sha256(json.dumps([told, data], sort_keys=True).encode()).hexdigest()


def train(
    stage: Stage,
    settings: TrainingSettings,
    folder: Path,
    *,
    data: str = "",
    card: dict[str, Any] | None = None,
    processes: Processes | None = None,
    tensorboard: bool = False,
    stop_after: float | None = None,
    progress: Progress | None = None,
    on_judged: Callable[[dict[str, float]], None] | None = None,
) -> TrainingResult:
    """Train, and write the weights that judged best (without judgement the last) into `folder`.

    The state is kept in `folder` every `save_every` steps and when Ctrl-C or SIGTERM asks to stop; the same
    call then goes on, and on a CPU ends with bit-identical weights.

    Args:
        stage: What is learned.
        settings: Of the run.
        folder: For weights, state and log.
        data: Says which data these are; a run goes on only with the same.
        card: More for the card of the weights.
        processes: Of the run; None for this one alone.
        tensorboard: Also write for TensorBoard.
        stop_after: Stop after this many seconds, keeping the state.
        progress: Called after each step with (steps done, steps in all, running means).
        on_judged: Called with the step and the scores of each judgement.

    Raises:
        KeyboardInterrupt, SystemExit: After Ctrl-C or SIGTERM, once the state is kept.
        InputError: If the folder holds another run's state, or a damaged one, or the batch cannot be shared
            evenly.
    """
    run = _Run(stage, settings, folder, data, card or {}, processes or Processes())
    with stop_requests() as stop:
        return run.go(stop, tensorboard, stop_after, progress, on_judged)


class _Run:
    def __init__(
        self,
        stage: Stage,
        settings: TrainingSettings,
        folder: Path,
        data: str,
        card: dict[str, Any],
        processes: Processes,
    ) -> None:
        wanted = settings.optimisation
        if wanted.batch % (processes.count * wanted.accumulate):
            cause = f"{wanted.batch} clips cannot be shared evenly by {processes.count} processes"
            if wanted.accumulate > 1:
                cause += f" in {wanted.accumulate} pieces each"
            raise InputError("optimisation.batch", cause, "Give a multiple in the settings.")
        self.stage, self.settings, self.folder, self.card = stage, settings, folder, card
        self.processes, self.key = processes, fingerprint(settings, data)
        self.network = stage.network.to(processes.device)
        self.dropouts = [layer for layer in self.network.modules() if isinstance(layer, ClipDropout)]
        self.kept = copy.deepcopy(self.network).eval()
        self.adam = torch.optim.AdamW(
            self.network.parameters(),
            wanted.learning_rate,
            (wanted.beta1, wanted.beta2),
            weight_decay=wanted.weight_decay,
        )
        self.sums: dict[str, float] = {}
        self.best: dict[str, float] = {}
        self.skipped = 0

    def go(
        self,
        stop: StopRequest,
        tensorboard: bool,
        stop_after: float | None,
        progress: Progress | None,
        on_judged: Callable[[dict[str, float]], None] | None,
    ) -> TrainingResult:
        total, begin = self.settings.optimisation.steps, time.monotonic()
        done = resumed = self.restore()
        first = self.processes.first
        if first:
            self.folder.mkdir(parents=True, exist_ok=True)
        log = RunLog(self.folder, resumed, tensorboard) if first else None
        for step in range(resumed, total):
            numbers, done = self.step(step), step + 1
            for name, value in numbers.items():
                self.sums[name] = SMOOTH * self.sums.get(name, value) + (1 - SMOOTH) * value
            if progress is not None and first:
                progress(done, total, self.sums)
            late = stop_after is not None and time.monotonic() - begin > stop_after
            leave = self.processes.any(stop.signal is not None or late)
            if log is not None:
                self.report(done, leave, log, on_judged)
            if leave:
                break
        if log is not None:
            log.close()
        self.processes.wait()
        stop.raise_again()
        seconds = time.monotonic() - begin
        return TrainingResult(done, resumed, seconds, self.skipped, dict(self.sums), self.best)

    def step(self, step: int) -> dict[str, float]:
        """One optimiser step; the numbers of the whole batch."""
        wanted, processes = self.settings.optimisation, self.processes
        self.adam.param_groups[0]["lr"] = wanted.rate(step)
        self.network.train()
        self.adam.zero_grad()
        numbers: dict[str, Tensor] = {}
        for share in processes.pieces(wanted.accumulate):
            # Dropout too is a function of (seed, step), whatever is computed where.
            torch.manual_seed(self.settings.seed * 7_919 + step)
            for layer in self.dropouts:
                layer.place = (share.rank, share.count)
            with torch.autocast(share.device.type, torch.bfloat16, enabled=wanted.precision == "bfloat16"):
                terms = self.stage.terms(step, share)
                loss = self.stage.total(terms, step)
            (loss / wanted.accumulate).backward()
            for name, value in {"loss": loss, **terms}.items():
                numbers[name] = numbers.get(name, 0) + value.detach().float() / wanted.accumulate
        processes.average_gradients(self.network.parameters())
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), wanted.clip or float("inf"))
        if bool(torch.isfinite(norm)):
            self.adam.step()
        else:
            self.skipped += 1
        self.average(min(wanted.ema, (step + 1) / (step + 10)))
        processes.average(numbers.values())
        return {name: value.item() for name, value in numbers.items()}

    @torch.no_grad()
    def average(self, decay: float) -> None:
        """Take the new weights into the averaged ones; what is counted (batch norm) is copied."""
        counted = [buffer for buffer in self.network.buffers() if buffer.is_floating_point()]
        self.processes.average(counted)
        for mean, new in zip(self.kept.parameters(), self.network.parameters(), strict=True):
            mean.lerp_(new, 1 - decay)
        for kept, counts in zip(self.kept.buffers(), self.network.buffers(), strict=True):
            kept.copy_(counts)

    def report(
        self, done: int, leave: bool, log: RunLog, on_judged: Callable[[dict[str, float]], None] | None
    ) -> None:
        """Log, judge and keep what is due after `done` steps."""
        often, last = self.settings.reporting, done == self.settings.optimisation.steps
        numbers = {name: round(value, 6) for name, value in self.sums.items()}
        scores = None
        if done % often.judge_every == 0 or last:
            with torch.random.fork_rng(devices=[]):
                scores = self.stage.judge(self.kept)
        if scores is not None:
            judged = {"step": done, **{name: round(value, 6) for name, value in scores.items()}}
            if not self.best or scores["score"] > self.best["score"]:
                self.best = judged
                self.save(done)
            if on_judged is not None:
                on_judged(judged)
        if done % often.log_every == 0 or scores is not None or last:
            log.report(done, numbers | {f"held_{name}": value for name, value in (scores or {}).items()})
        if done % often.save_every == 0 or last or leave:
            about = {"step": done, "key": self.key, "sums": self.sums, "best": self.best}
            store(self.folder, {"network": self.network, "kept": self.kept}, self.adam, about)
            if not self.best:
                self.save(done)

    def save(self, done: int) -> None:
        """Write the averaged weights for use."""
        made: dict[str, Any] = {"settings": self.settings.to_dict(), "step": done}
        if self.best:
            made["scores"] = self.best
        made["parameters"] = sum(p.numel() for p in self.kept.parameters())
        self.stage.save(self.kept, self.folder, made | self.card)

    def restore(self) -> int:
        """Take up a kept run; steps that are done."""
        self.processes.wait()
        about = restore(self.folder, {"network": self.network, "kept": self.kept}, self.adam, self.key)
        if about is None:
            return 0
        self.sums, self.best = about["sums"], about["best"]
        return int(about["step"])
