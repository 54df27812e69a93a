"""The loop of every stage: exact resume, several processes, averaged weights, an opponent, reports."""

import time
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from portrait3d.errors import InputError
from portrait3d.training.adversary import Adversary
from portrait3d.training.counted_buffers import CountedBuffers
from portrait3d.training.optimiser import AveragedWeights, NamedAdam
from portrait3d.training.processes import Processes
from portrait3d.training.run_log import RunLog
from portrait3d.training.run_state import fingerprint, load_state, save_state
from portrait3d.training.settings import StageLosses, TrainingSettings
from portrait3d.training.sharding import laid_out_as, shard_modules
from portrait3d.training.stage import Judged, Stage
from portrait3d.training.stop_request import stop_requests
from portrait3d.training.trainee import modules_of

SMOOTH = 0.98  # of the reported numbers: their running mean
NUMBERS = ("loss", "discriminator", *(entry.name for entry in fields(StageLosses)))
Progress = Callable[[int, int, dict[str, float]], None]


@dataclass(frozen=True)
class TrainingResult:
    """How a run ended.

    Attributes:
        steps: Steps done in all.
        resumed_at: Steps that had been done before.
        seconds: Wall time of this call.
        skipped: Steps of this call without a finite gradient.
        terms: Running means of the reported numbers.
    """

    steps: int
    resumed_at: int
    seconds: float
    skipped: int
    terms: dict[str, float]


def item_seed(seed: int, step: int, number: int) -> int:
    """Seed of an item; a batch is a pure function of (seed, step), however many processes share it."""
    return (seed * 1_000_003 + step) * 4099 + number


def train_stage(
    model: nn.Module,
    stage: Stage,
    settings: TrainingSettings,
    folder: Path,
    *,
    data: str = "",
    processes: Processes | None = None,
    tensorboard: bool = False,
    stop_after: float | None = None,
    progress: Progress | None = None,
    on_picture: Callable[[int, Tensor], None] | None = None,
) -> TrainingResult:
    """Train in place; at the end the model holds the averaged weights, in parts under `parallel = "fsdp"`
    (`sharding.whole_state` puts them together).

    The state is kept in `folder` every `save_every` steps and when Ctrl-C or SIGTERM asks to stop; the same
    call then goes on, and on a CPU ends with bit-identical weights.

    Args:
        model: With what the stage trains.
        stage: What is learned.
        settings: Of the run.
        folder: For state and log.
        data: Says which data these are; a run goes on only with the same.
        processes: Of the run; None for this one alone.
        tensorboard: Also write for TensorBoard.
        stop_after: Stop after this many seconds, keeping the state.
        progress: Called after each step with (steps done, steps in all, running means).
        on_picture: Called with (steps done, (H, W, 3) uint8) every `picture_every` steps.

    Raises:
        KeyboardInterrupt, SystemExit: After Ctrl-C or SIGTERM, once the state is kept.
        InputError: If the folder holds another run's state, or the batch cannot be shared evenly.
    """
    run = _Run(model, stage, settings, folder, data, processes or Processes())
    with stop_requests() as stop:
        return run.go(stop, tensorboard, stop_after, progress, on_picture)


class _Run:
    def __init__(
        self,
        model: Any,
        stage: Stage,
        settings: TrainingSettings,
        folder: Path,
        data: str,
        processes: Processes,
    ) -> None:
        optimisation = settings.optimisation
        if optimisation.batch % processes.count:
            cause = f"{optimisation.batch} items cannot be shared evenly by {processes.count} processes"
            raise InputError("optimisation.batch", cause, "Give a multiple in the settings.")
        self.model, self.stage, self.settings, self.folder = model, stage, settings, folder
        self.processes, self.key = processes, fingerprint(settings.to_dict(), data)
        self.in_parts = optimisation.parallel == "fsdp" and processes.count > 1
        if self.in_parts:
            shard_modules(model, settings.stage, processes)
        trained = modules_of(model, settings.stage)
        self.counted = CountedBuffers(trained.values(), processes, optimisation.batch)
        self.parameters = {
            f"{module}.{name}": p for module, part in trained.items() for name, p in part.named_parameters()
        }
        self.adam = NamedAdam(self.parameters, optimisation)
        self.average = AveragedWeights(self.parameters, optimisation.ema)
        self.adversary: Adversary | None = None
        if settings.losses.adversarial:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(settings.seed)
                self.adversary = Adversary(settings, model.config.picture_size, processes)
        self.sums: dict[str, float] = {}
        self.skipped = 0

    def go(
        self,
        stop: Any,
        tensorboard: bool,
        stop_after: float | None,
        progress: Progress | None,
        on_picture: Callable[[int, Tensor], None] | None,
    ) -> TrainingResult:
        settings, reporting = self.settings, self.settings.reporting
        total, begin = settings.optimisation.steps, time.monotonic()
        resumed = self.restore()
        log = RunLog(self.folder, resumed, tensorboard) if self.processes.first else None
        self.model.eval()
        self.model.requires_grad_(False)
        self.learning(True)
        for parameter in self.parameters.values():
            parameter.requires_grad_(True)
        done = resumed
        for step in range(resumed, total):
            numbers = self.step(step)
            done = step + 1
            for name, value in numbers.items():
                self.sums[name] = SMOOTH * self.sums.get(name, value) + (1 - SMOOTH) * value
            if progress is not None and self.processes.first:
                progress(done, total, self.sums)
            late = stop_after is not None and time.monotonic() - begin > stop_after
            leave = self.processes.any(bool(stop) or late)
            if log is not None and (done % reporting.log_every == 0 or done == total):
                log.report(done, {n: round(v, 6) for n, v in self.sums.items()})
            if done % reporting.picture_every == 0 or done == total:
                self.show(done, log, tensorboard, on_picture)
            if done % reporting.save_every == 0 or done == total or leave:
                self.save(done)
            if leave:
                self.processes.wait()
                if stop:
                    stop.raise_again()
                break
        if log is not None:
            log.close()
        self.processes.wait()
        self.average.exchange()
        self.model.eval()
        return TrainingResult(done, resumed, time.monotonic() - begin, self.skipped, dict(self.sums))

    def step(self, step: int) -> dict[str, float]:
        """One optimiser step; the items of this process one after another."""
        settings, count = self.settings, self.processes.count
        adversary = self.adversary if step >= settings.losses.adversarial_from else None
        self.adam.clear()
        mine = range(self.processes.rank, settings.optimisation.batch, count)
        pairs: list[tuple[Judged, Judged]] = []
        numbers: dict[str, float] = {}
        self.counted.begin()
        for number in mine:
            seed = item_seed(settings.seed, step, number)
            torch.manual_seed(seed)  # for dropout, where a model has any
            with self.precision():
                result = self.stage.item(step, number, torch.Generator().manual_seed(seed))
            terms = dict(result.terms)
            if adversary is not None and result.drawn is not None and result.true is not None:
                terms["adversarial"] = adversary.term(result.drawn)
                pairs.append((result.drawn.detached(), result.true))
            loss = torch.stack([getattr(settings.losses, n) * v.float() for n, v in terms.items()]).sum()
            (loss / len(mine)).backward()
            self.counted.after_item()
            for name, value in {"loss": loss, **terms}.items():
                numbers[name] = numbers.get(name, 0.0) + float(value.detach()) / len(mine)
        self.counted.end()
        self.processes.average_gradients(self.parameters.values())
        if not self.adam.step(step):
            self.skipped += 1
        self.average.update(step)
        if adversary is not None and pairs:
            numbers |= adversary.learn(step, pairs)
        return self.processes.mean(numbers, NUMBERS)

    def learning(self, on: bool) -> None:
        """Let the layers that learn count and drop out, or not."""
        for part in modules_of(self.model, self.settings.stage).values():
            part.train(on)

    def precision(self) -> Any:
        """Autocast of the networks' arithmetic, if asked for."""
        wanted = self.settings.optimisation.precision == "bfloat16"
        return torch.autocast(self.processes.device.type, torch.bfloat16, enabled=wanted)

    def show(
        self, done: int, log: RunLog | None, board: bool, on_picture: Callable[[int, Tensor], None] | None
    ) -> None:
        """Draw what the averaged weights have learned; where they are in parts, all processes draw."""
        if not (board or on_picture is not None) or not (self.in_parts or log is not None):
            return
        self.average.exchange()
        self.learning(False)
        picture = self.stage.picture().cpu()
        self.learning(True)
        self.average.exchange()
        if log is None:
            return
        log.picture(done, picture)
        if on_picture is not None:
            on_picture(done, picture)

    def save(self, done: int) -> None:
        """Keep everything that the next step depends on, and the running means."""
        parts: dict[str, dict[str, Tensor]] = {
            "model": dict(self.model.state_dict()),
            "adam": self.adam.tensors(),
            "average": self.average.averages,
            "sums": {name: torch.tensor(value, dtype=torch.float64) for name, value in self.sums.items()},
        }
        if self.adversary is not None:
            parts["adversary"] = self.adversary.tensors()
        save_state(self.folder, done, self.key, parts, self.processes)

    def restore(self) -> int:
        """Take up a kept run; steps that are done."""
        self.processes.wait()
        found = load_state(self.folder, self.key)
        if found is None:
            return 0
        done, parts = found
        own = self.model.state_dict()
        self.model.load_state_dict({name: laid_out_as(t, own[name]) for name, t in parts["model"].items()})
        self.adam.restore(parts.get("adam", {}))
        self.average.restore(parts.get("average", {}))
        self.sums = {name: float(value) for name, value in parts.get("sums", {}).items()}
        if self.adversary is not None:
            self.adversary.restore(parts["adversary"])
        return done
