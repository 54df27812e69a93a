"""Settings of an adaptation."""

from dataclasses import dataclass


@dataclass(frozen=True)
class AdaptConfig:
    """How one person is learned.

    Attributes:
        steps: Optimiser steps.
        seed: Of every random choice.
        r: LoRA rank (MimicTalk uses 2 on a network of 149 M parameters; a small network needs more).
        lora_alpha: LoRA scale; the update is multiplied by lora_alpha / r.
        learning_rate: Of the LoRA parameters.
        static_learning_rate: Of the static parameters, before each one's own factor.
        warm_up: Steps over which the rates rise from zero.
        gradient_norm: Gradients longer than this are shortened, per group.
        save_every_s: Seconds between saved states; 0 saves after every step.
    """

    steps: int = 1500
    seed: int = 0
    r: int = 16
    lora_alpha: int = 16
    learning_rate: float = 2e-3
    static_learning_rate: float = 1e-2
    warm_up: int = 20
    gradient_norm: float = 1.0
    save_every_s: float = 30.0

    def __post_init__(self) -> None:
        for name in ("steps", "r", "lora_alpha", "learning_rate", "static_learning_rate", "gradient_norm"):
            if getattr(self, name) <= 0:
                raise ValueError(f"AdaptConfig.{name} must be positive, got {getattr(self, name)!r}")
        for name in ("warm_up", "save_every_s", "seed"):
            if getattr(self, name) < 0:
                raise ValueError(f"AdaptConfig.{name} must not be negative, got {getattr(self, name)!r}")

    def rate(self, step: int) -> float:
        """Factor on the learning rates at `step`: a linear rise, then half a cosine down to 2 %."""
        from math import cos, pi

        rise = min(1.0, (step + 1) / (self.warm_up + 1))
        return rise * (0.02 + 0.98 * 0.5 * (1 + cos(pi * min(step / self.steps, 1.0))))
