"""What a training run is told: frozen, checked, and read from TOML or JSON."""

import json
import tomllib
from dataclasses import asdict, dataclass, field, fields
from math import cos, pi
from pathlib import Path
from typing import Any, ClassVar, get_type_hints

from talk_motion.errors import InputError

STAGES = ("a2m", "a2m-vae", "sync")
RECIPES = Path(__file__).parent / "recipes"


class Checked:
    """Checks every field against its annotation and its stated range when made."""

    AT_LEAST: ClassVar[dict[str, float]] = {}
    CHOICES: ClassVar[dict[str, tuple[str, ...]]] = {}

    def __post_init__(self) -> None:
        kinds = get_type_hints(type(self))
        for entry in fields(self):  # type: ignore[arg-type]
            value, kind = getattr(self, entry.name), kinds[entry.name]
            name = f"{type(self).__name__}.{entry.name}"
            if kind is float and type(value) is int:
                value = float(value)
                object.__setattr__(self, entry.name, value)
            if kind in (int, float, bool, str) and type(value) is not kind:
                raise ValueError(f"{name} must be of type {kind.__name__}, got {value!r}")
            low = self.AT_LEAST.get(entry.name)
            if low is not None and not low <= value < float("inf"):
                raise ValueError(f"{name} must be at least {low:g}, got {value!r}")
            choices = self.CHOICES.get(entry.name)
            if choices and value not in choices:
                raise ValueError(f"{name} must be one of {', '.join(choices)}, got {value!r}")


@dataclass(frozen=True)
class Optimisation(Checked):
    """AdamW and its schedule.

    Attributes:
        steps: Optimiser steps.
        batch: Clips per step, over all processes.
        accumulate: Pieces into which each process cuts its share of a batch, adding up their gradients:
            memory is that of a piece. A run may go on with another number.
        learning_rate: Peak rate.
        beta1, beta2, weight_decay: Of AdamW.
        warm_up: Steps of linear rise.
        schedule: "cosine" to zero at the last step, or "constant".
        clip: Longest gradient.
        ema: Decay of the averaged weights, which are what is judged and saved.
        precision: Of the networks' arithmetic.
    """

    steps: int = 300
    batch: int = 10
    accumulate: int = 1
    learning_rate: float = 1.5e-3
    beta1: float = 0.9
    beta2: float = 0.98
    weight_decay: float = 0.05
    warm_up: int = 30
    schedule: str = "cosine"
    clip: float = 1.0
    ema: float = 0.985
    precision: str = "float32"

    AT_LEAST: ClassVar[dict[str, float]] = {
        "steps": 1, "batch": 1, "accumulate": 1, "learning_rate": 0, "beta1": 0, "beta2": 0,
        "weight_decay": 0, "warm_up": 1, "clip": 0, "ema": 0,
    }  # fmt: skip
    CHOICES: ClassVar[dict[str, tuple[str, ...]]] = {
        "schedule": ("cosine", "constant"), "precision": ("float32", "bfloat16")
    }  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("beta1", "beta2", "ema"):
            if not getattr(self, name) < 1:
                raise ValueError(f"Optimisation.{name} must be below 1, got {getattr(self, name)!r}")

    def rate(self, step: int) -> float:
        """Learning rate of a step, from 0."""
        rate = self.learning_rate * min(1, (step + 1) / self.warm_up)
        return rate * (0.5 * (1 + cos(pi * step / self.steps)) if self.schedule == "cosine" else 1)


@dataclass(frozen=True)
class Losses(Checked):
    """Weights of the terms, 0 for none.

    Attributes:
        objective: Of a2m: "flow" matching, or "regression" to the mean motion, which is an ablation.
        sync: Of the sync expert's verdict on the motion that the network has in mind.
        phones: Of naming what is being said, where the data tell; `model.phones` says how many there are.
        kl, kl_rise, kl_hold, expression, landmark, laplacian, size: Of a2m-vae; see `full.vae_losses`.
    """

    objective: str = "flow"
    sync: float = 0.0
    phones: float = 0.0
    kl: float = 0.02
    kl_rise: int = 2000
    kl_hold: int = 2000
    expression: float = 0.5
    landmark: float = 0.5
    laplacian: float = 1.0
    size: float = 0.1

    AT_LEAST: ClassVar[dict[str, float]] = {
        "sync": 0, "phones": 0, "kl": 0, "kl_rise": 1, "kl_hold": 0, "expression": 0, "landmark": 0,
        "laplacian": 0, "size": 0,
    }  # fmt: skip
    CHOICES: ClassVar[dict[str, tuple[str, ...]]] = {"objective": ("flow", "regression")}


@dataclass(frozen=True)
class Reporting(Checked):
    """How often, in steps, a run writes its log, judges itself, and keeps its state."""

    log_every: int = 10
    judge_every: int = 50
    save_every: int = 50

    AT_LEAST: ClassVar[dict[str, float]] = {"log_every": 1, "judge_every": 1, "save_every": 1}


@dataclass(frozen=True)
class TrainingSettings(Checked):
    """One run.

    Attributes:
        stage: "a2m" (in-context flow matching), "a2m-vae" (flow-prior VAE) or "sync" (the sync expert).
        preset: "small", or "full": the published architecture, for a2m and always for a2m-vae.
        seed: Of every random choice.
        frames: Of a training clip, 25 per second.
        held: Clips per judgement on held-out data.
        data_sets: Names of the data sets the recipe is for; a folder that holds one folder of shards for each
            can be given in place of these.
        optimisation, losses, reporting: See there.
        model: Sizes that differ from the network's usual ones, by name of its config's field.
    """

    stage: str
    preset: str = "small"
    seed: int = 1
    frames: int = 250
    held: int = 48
    data_sets: list[str] = field(default_factory=list)
    optimisation: Optimisation = field(default_factory=Optimisation)
    losses: Losses = field(default_factory=Losses)
    reporting: Reporting = field(default_factory=Reporting)
    model: dict[str, Any] = field(default_factory=dict)

    AT_LEAST: ClassVar[dict[str, float]] = {"seed": 0, "frames": 8, "held": 2}
    CHOICES: ClassVar[dict[str, tuple[str, ...]]] = {"stage": STAGES, "preset": ("small", "full")}

    def __post_init__(self) -> None:
        super().__post_init__()
        names = self.data_sets
        fine = isinstance(names, list) and all(isinstance(n, str) and n not in ("", "..") for n in names)
        if not fine or any(Path(name).name != name for name in names):
            raise ValueError(f"data_sets must be a list of names of folders, got {self.data_sets!r}")
        if self.stage == "sync" and self.optimisation.accumulate > 1:
            raise ValueError(
                f"Optimisation.accumulate must be 1 for sync, got {self.optimisation.accumulate}: "
                "the clips of a batch are compared with each other"
            )
        wanted = {"a2m-vae": "full", "sync": "small"}.get(self.stage, self.preset)
        if self.preset != wanted:
            raise ValueError(f"the stage {self.stage} has the preset {wanted} only, got {self.preset!r}")
        if self.losses.objective != "flow" and (self.stage, self.preset) != ("a2m", "small"):
            raise ValueError(f"{self.preset} {self.stage} has no objective {self.losses.objective!r}")
        if self.stage == "sync" and self.optimisation.batch < 2:
            raise ValueError(
                f"Optimisation.batch must be at least 2 for sync, got {self.optimisation.batch}: "
                "other clips are needed"
            )

    def to_dict(self) -> dict[str, Any]:
        """A JSON-able dictionary; `from_dict` reads it back."""
        return asdict(self)

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> "TrainingSettings":
        """Settings of a nested dictionary.

        Raises:
            ValueError: Quoting what is unknown or out of range.
        """
        parts = {"optimisation": Optimisation, "losses": Losses, "reporting": Reporting}
        _refuse_unknown(content, cls, "")
        if "stage" not in content:
            raise ValueError(f"stage is missing: one of {', '.join(STAGES)}")
        made: dict[str, Any] = {}
        for name, value in content.items():
            if name in (*parts, "model") and not isinstance(value, dict):
                raise ValueError(f"{name} must be a table, got {value!r}")
            if name in parts:
                _refuse_unknown(value, parts[name], name + ".")
                value = parts[name](**value)
            made[name] = value
        return cls(**made)

    @classmethod
    def read(cls, source: Path | str) -> "TrainingSettings":
        """Settings of a .toml or .json file, or of a recipe that ships here, such as "small_a2m".

        Raises:
            InputError: If the file is missing, cannot be read or holds a bad value.
        """
        known = sorted(path.stem for path in RECIPES.glob("*.toml"))
        path = RECIPES / f"{source}.toml" if str(source) in known else Path(source)
        cure = f"Give a .toml or .json file, or one of {', '.join(known)}."
        try:
            text = path.read_text()
            content = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
            return cls.from_dict(content)
        except OSError as error:
            raise InputError(str(source), f"cannot be read: {error.strerror}", cure) from None
        except (ValueError, TypeError) as error:
            raise InputError(str(source), str(error), cure) from None


def _refuse_unknown(content: dict[str, Any], kind: type, prefix: str) -> None:
    known = [entry.name for entry in fields(kind)]
    unknown = [prefix + name for name in content if name not in known]
    if unknown:
        raise ValueError(f"unknown: {', '.join(unknown)}; known are {', '.join(prefix + n for n in known)}")
