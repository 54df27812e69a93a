"""What a training run is told: frozen, checked, and read from TOML or JSON."""

import json
import tomllib
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, ClassVar, get_type_hints

from portrait3d.errors import InputError

STAGES = ("i2p", "motion", "torso")
PRECISIONS = ("float32", "bfloat16")
SCHEDULES = ("cosine", "steps", "constant")
PARALLEL = ("ddp", "fsdp")
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
                raise ValueError(f"{name} must be {_said(kind)}, got {value!r}")
            low = self.AT_LEAST.get(entry.name)
            if low is not None and not value >= low:
                raise ValueError(f"{name} must be at least {low:g}, got {value!r}")
            choices = self.CHOICES.get(entry.name)
            if choices and value not in choices:
                raise ValueError(f"{name} must be one of {', '.join(choices)}, got {value!r}")


@dataclass(frozen=True)
class Sampling(Checked):
    """What one item of a batch is made of.

    Attributes:
        targets: Pictures drawn per source picture.
        window: Side of the part of the head that is drawn, in rays, a multiple of 4; 0 draws all of it.
        source_to_source_every: Every so many items the first target is the source itself; 0 never.
        camera_noise: Standard deviation in radians of the error put into the source's camera, as fits have.
        inpaint_torso: Extend the source's torso under the head; False is the paper's ablation.
    """

    targets: int = 2
    window: int = 40
    source_to_source_every: int = 0
    camera_noise: float = 0.0
    inpaint_torso: bool = True

    AT_LEAST: ClassVar[dict[str, float]] = {
        "targets": 1,
        "window": 0,
        "source_to_source_every": 0,
        "camera_noise": 0,
    }

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.window % 4:
            raise ValueError(f"Sampling.window must be a multiple of 4, got {self.window}")


@dataclass(frozen=True)
class Optimisation(Checked):
    """Adam and its schedule.

    Attributes:
        steps: Optimiser steps.
        batch: Items per step, over all processes; each process goes through its share one by one and adds up
            the gradients, so that memory does not grow with the batch.
        learning_rate: Peak rate.
        beta1, beta2: Of Adam.
        warm_up: Steps of linear rise.
        schedule: "cosine" to `floor` of the peak at the last step; "steps" multiplies by `decay` every
            `decay_every` steps, never below `floor` of the peak; or "constant".
        decay, decay_every, floor: See `schedule`.
        clip: Longest gradient.
        ema: Decay of the averaged weights, which are what is saved; 0 saves the last ones.
        parallel: Several processes each keep everything ("ddp"), or a part of the weights, of Adam's state
            and of the averages ("fsdp"). A run may go on with the other.
        precision: Of the networks; renderer and losses stay in float32.
        shared_planes_rate: Rate of the planes that all people share, relative to the rest.
        freeze_image_to_plane_from: Motion stage: image-to-plane learns before this step; 0 never ("without
            fine-tuning"), -1 always.
    """

    steps: int = 1000
    batch: int = 1
    learning_rate: float = 1e-3
    beta1: float = 0.9
    beta2: float = 0.98
    warm_up: int = 100
    schedule: str = "cosine"
    decay: float = 0.95
    decay_every: int = 5000
    floor: float = 0.02
    clip: float = 1.0
    ema: float = 0.999
    parallel: str = "ddp"
    precision: str = "float32"
    shared_planes_rate: float = 10.0
    freeze_image_to_plane_from: int = -1

    AT_LEAST: ClassVar[dict[str, float]] = {
        "steps": 1, "batch": 1, "learning_rate": 0, "beta1": 0, "beta2": 0, "warm_up": 0, "decay": 0,
        "decay_every": 1, "floor": 0, "clip": 0, "ema": 0, "shared_planes_rate": 0,
        "freeze_image_to_plane_from": -1,
    }  # fmt: skip
    CHOICES: ClassVar[dict[str, tuple[str, ...]]] = {
        "schedule": SCHEDULES, "precision": PRECISIONS, "parallel": PARALLEL
    }  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("beta1", "beta2", "ema"):
            if not getattr(self, name) < 1:
                raise ValueError(f"Optimisation.{name} must be below 1, got {getattr(self, name)!r}")

    def rate(self, step: int) -> float:
        """Rate of a step (from 0), relative to the peak."""
        from math import cos, pi

        rise = min(1.0, (step + 1) / self.warm_up) if self.warm_up else 1.0
        if self.schedule == "constant":
            return rise
        if self.schedule == "steps":
            return rise * max(self.floor, self.decay ** (step // self.decay_every))
        return rise * (self.floor + (1 - self.floor) * 0.5 * (1 + cos(pi * step / self.steps)))


@dataclass(frozen=True)
class StageLosses(Checked):
    """Weights of the terms, 0 for none; differences of pictures are L1.

    Attributes:
        colour, pyramid, energy: Picture against truth: colour, edges at every scale, amount of detail. In the
            torso stage of `full` pictures are compared in [-1, 1], as published (`full_torso_terms`).
        perceptual: VGG19 and VGGFace features, where the user gives their weights.
        raw: Volume rendering against the shrunken truth.
        alpha, entropy: Opacity against the head's mask; opacity near 0 or 1.
        lip, lip_detail: Colour and edges inside a square round the mouth; in the torso stage of `full`
            perceptual networks judge the mouth in place of edges, where they are given.
        density: Densities of neighbouring points; taken every `density_every` steps, so much stronger.
        laplacian: Second differences in time of the diff-planes of neighbouring frames; taken every
            `laplacian_every` steps, so much stronger.
        adversarial: The dual discriminator's verdict, from step `adversarial_from`.
        discriminator_rate: Its learning rate relative to the generator's.
        r1, r1_every: Its R1 penalty, taken every so many steps, so much stronger.
        back: Torso and background where the head is not.
        occlusion: Entropy of the torso's alpha.
    """

    colour: float = 1.0
    pyramid: float = 1.0
    energy: float = 0.5
    perceptual: float = 0.0
    raw: float = 0.2
    alpha: float = 0.2
    entropy: float = 0.002
    lip: float = 0.0
    lip_detail: float = 0.0
    density: float = 0.0
    density_every: int = 4
    laplacian: float = 0.0
    laplacian_every: int = 4
    adversarial: float = 0.0
    adversarial_from: int = 0
    discriminator_rate: float = 2.0
    r1: float = 5.0
    r1_every: int = 16
    back: float = 1.0
    occlusion: float = 0.0

    AT_LEAST: ClassVar[dict[str, float]] = {
        "colour": 0, "pyramid": 0, "energy": 0, "perceptual": 0, "raw": 0, "alpha": 0, "entropy": 0, "lip": 0,
        "lip_detail": 0, "density": 0, "density_every": 1, "laplacian": 0, "laplacian_every": 1,
        "adversarial": 0, "adversarial_from": 0, "discriminator_rate": 0, "r1": 0, "r1_every": 1, "back": 0,
        "occlusion": 0,
    }  # fmt: skip


@dataclass(frozen=True)
class Reporting(Checked):
    """How often a run says and keeps something, in steps."""

    log_every: int = 25
    save_every: int = 200
    picture_every: int = 500

    AT_LEAST: ClassVar[dict[str, float]] = {"log_every": 1, "save_every": 1, "picture_every": 1}


@dataclass(frozen=True)
class TrainingSettings(Checked):
    """One stage of training.

    Attributes:
        stage: "i2p", "motion" or "torso".
        preset: "small" or "full".
        seed: Of every random choice.
        data_sets: Names of the data sets the recipe is for; a folder that holds one folder of shards for each
            can be given in place of these.
        sampling, optimisation, losses, reporting: See there.
        model: Sizes that differ from the preset's, by name of the config's field.
        discriminator: Sizes that differ from the published discriminator's.
    """

    stage: str
    preset: str = "small"
    seed: int = 0
    data_sets: list[str] = field(default_factory=list)
    sampling: Sampling = field(default_factory=Sampling)
    optimisation: Optimisation = field(default_factory=Optimisation)
    losses: StageLosses = field(default_factory=StageLosses)
    reporting: Reporting = field(default_factory=Reporting)
    model: dict[str, Any] = field(default_factory=dict)
    discriminator: dict[str, Any] = field(default_factory=dict)

    AT_LEAST: ClassVar[dict[str, float]] = {"seed": 0}
    CHOICES: ClassVar[dict[str, tuple[str, ...]]] = {"stage": STAGES, "preset": ("small", "full")}

    def __post_init__(self) -> None:
        super().__post_init__()
        names = self.data_sets
        fine = isinstance(names, list) and all(isinstance(n, str) and n not in ("", "..") for n in names)
        if not fine or any(Path(name).name != name for name in names):
            raise ValueError(f"data_sets must be a list of names of folders, got {self.data_sets!r}")
        if self.losses.adversarial and self.sampling.window:
            raise ValueError(
                "losses.adversarial judges whole pictures: sampling.window must be 0, "
                f"got {self.sampling.window}"
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
        parts = {
            "sampling": Sampling, "optimisation": Optimisation, "losses": StageLosses, "reporting": Reporting
        }  # fmt: skip
        _refuse_unknown(content, cls, "")
        if "stage" not in content:
            raise ValueError(f"stage is missing: one of {', '.join(STAGES)}")
        made: dict[str, Any] = {}
        for name, value in content.items():
            if name in (*parts, "model", "discriminator") and not isinstance(value, dict):
                raise ValueError(f"{name} must be a table, got {value!r}")
            if name in parts:
                _refuse_unknown(value, parts[name], name + ".")
                value = parts[name](**value)
            made[name] = value
        return cls(**made)

    @classmethod
    def read(cls, source: Path | str) -> "TrainingSettings":
        """Settings of a .toml or .json file, or of a recipe that ships here, such as "small_i2p".

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


def _said(kind: Any) -> str:
    return {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}.get(
        kind, str(kind)
    )
