"""Settings of an adaptation."""

from dataclasses import dataclass
from math import cos, pi

SCHEDULES = ("cosine", "constant")


@dataclass(frozen=True)
class AdaptConfig:
    """How one person is learned.

    Attributes:
        steps: Optimiser steps.
        together: Consecutive steps whose gradients are taken at the same values, before the first of them is
            made: on a CPU they are computed at the same time (`StepGradients`).
        seed: Of every random choice.
        r: LoRA rank (MimicTalk uses 2 on a network of 149 M parameters; a small network needs more).
        lora_alpha: LoRA scale; the update is multiplied by lora_alpha / r.
        learning_rate: Of the LoRA parameters; 0 leaves the network as it is, for ablations.
        static_learning_rate: Of the static parameters, before each one's own factor; 0 leaves them as they
            are, for ablations.
        warm_up: Steps over which the rates rise from zero.
        schedule: "cosine" falls to 2 % of the rates; "constant" is the published one.
        gradient_norm: Gradients longer than this are shortened, per group; infinite for never.
        ema: Decay of the running mean of everything that learns, in [0, 1); the mean is judged and is the
            result. 0 takes the values themselves.
        judge_every: Steps between two looks at held-out data; 0 for a sixteenth of the run, at least 25.
        take_best: The result is the best held-out point; else the last, as published.
        patience: Looks without a better held-out score after which the run ends; 0 for never.
        bad_steps: Steps in a row without a finite loss after which the run goes back to its last good point
            and on at half the rate.
        save_every_s: Seconds between saved states; 0 saves after every step.
    """

    steps: int = 1500
    together: int = 1
    seed: int = 0
    r: int = 16
    lora_alpha: int = 16
    learning_rate: float = 2e-3
    static_learning_rate: float = 1e-2
    warm_up: int = 20
    schedule: str = "cosine"
    gradient_norm: float = 1.0
    ema: float = 0.0
    judge_every: int = 0
    take_best: bool = True
    patience: int = 0
    bad_steps: int = 5
    save_every_s: float = 30.0

    def __post_init__(self) -> None:
        for name in ("steps", "together", "r", "lora_alpha", "gradient_norm", "bad_steps"):
            if not getattr(self, name) > 0:
                raise ValueError(f"AdaptConfig.{name} must be positive, got {getattr(self, name)!r}")
        not_negative = "warm_up save_every_s seed judge_every patience learning_rate static_learning_rate"
        for name in not_negative.split():
            if not getattr(self, name) >= 0:
                raise ValueError(f"AdaptConfig.{name} must not be negative, got {getattr(self, name)!r}")
        if not 0 <= self.ema < 1:
            raise ValueError(f"AdaptConfig.ema must be in [0, 1), got {self.ema!r}")
        if self.schedule not in SCHEDULES:
            raise ValueError(f"AdaptConfig.schedule must be one of {SCHEDULES}, got {self.schedule!r}")
        if self.learning_rate == 0 and self.static_learning_rate == 0:
            raise ValueError("AdaptConfig: both learning rates are 0: nothing would learn")

    def rate(self, step: int) -> float:
        """Factor on the learning rates at `step`: a linear rise, then half a cosine down to 2 %, or 1."""
        rise = min(1.0, (step + 1) / (self.warm_up + 1))
        if self.schedule == "constant":
            return rise
        return rise * (0.02 + 0.98 * 0.5 * (1 + cos(pi * min(step / self.steps, 1.0))))

    def looks_at(self, step: int, last: int) -> bool:
        """Whether held-out data are looked at after `step` steps: at the start, at the end, and between.

        Args:
            step: Steps done.
            last: Step of the look before; -1 for none.
        """
        every = self.judge_every or max(25, self.steps // 16)
        return step // every > last // every or (step == self.steps and step > last)
