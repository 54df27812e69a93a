"""A person's own way of speaking, learned from their clip as LoRA on the small motion model.

The prompt shows a manner in context; what no prompt can change is how this person's mouth answers a sound.
So a few low-rank matrices (Hu et al. 2022) learn from the clip itself, with the clip as prompt and target, as
the model was trained. They are kept only if they lower the error on a part of the clip that they never saw.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from .errors import InputError
from .flow import path
from .model import FARTHEST, MotionModel
from .motion import MotionPrompt
from .mouthing import most_spoken
from .training.infilling_batch import hide_sound

NAME = "default"
CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"  # peft's own names
FORMAT = "talk_motion.PersonTuning.1"
TUNED = ("sound.", "layers.")  # beginnings of the layers' names
PLAIN = ("gains", "time")  # ends of names of layers that stay: flow time, depth-wise convolutions
PASSES = 2  # Euler steps of the motion that is judged, as `generate` takes by default


@dataclass(frozen=True)
class TuningConfig:
    """How a person is learned.

    Attributes:
        r, lora_alpha: rank and scale numerator of LoRA.
        steps, batch, rate: of Adam; the rate falls to zero along a cosine.
        prompt, window: frames that are shown and that are filled in.
        held: share of the clip, at its end, that judges and is never learned from.
        every: steps between judgements; the best of them counts.
        least_gain: share by which the held-out error must fall for the tuning to be kept.
        seed: everything follows from it.
    """

    r: int = 8
    lora_alpha: int = 16
    steps: int = 60
    batch: int = 6
    rate: float = 2e-3
    prompt: int = 100
    window: int = 100
    held: float = 0.2
    every: int = 10
    least_gain: float = 0.01
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("r", "lora_alpha", "steps", "batch", "prompt", "window", "every"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if not 0 < self.held < 1 or not 0 <= self.least_gain < 1 or not self.rate > 0:
            told = (self.held, self.least_gain, self.rate)
            raise ValueError(f"held, least_gain and rate must lie in (0, 1), [0, 1) and (0, inf), got {told}")

    @property
    def shortest(self) -> int:
        """Frames of the shortest clip that can be learned from."""
        return int((self.prompt + self.window) / (1 - self.held)) + 2


@dataclass(frozen=True)
class PersonTuning:
    """What was learned of a person: a LoRA of the small motion model.

    Attributes:
        adapter: peft's state, by its own names.
        r, lora_alpha, targets: of LoRA.
        base: sha256 of the weights it belongs to.
    """

    adapter: dict[str, Tensor]
    r: int
    lora_alpha: int
    targets: tuple[str, ...]
    base: str

    def fits(self, model: MotionModel) -> bool:
        """Whether it was learned on this model's weights."""
        return bool(self.base == model.card.get("sha256"))

    def applied(self, model: MotionModel) -> MotionModel:
        """The model of this person; the given one stays as it is.

        Raises:
            InputError: it was learned on other weights, or is damaged.
        """
        if not self.fits(model):
            raise InputError("a person's motion adapter", "it stands on other weights", "Adapt once more.")
        network = copy.deepcopy(model.network)
        layers = [  # as peft takes them: by whole name, or by its last parts
            name
            for name, part in network.named_modules()
            if isinstance(part, (nn.Linear, nn.Conv1d))
            and f".{name}".endswith(tuple(f".{t}" for t in self.targets))
        ]
        expected = {f"{layer}.lora_{half}.weight" for layer in layers for half in "AB"}
        if expected != set(self.adapter):
            odd = sorted(expected ^ set(self.adapter))[0]
            raise InputError("a person's motion adapter", f"{odd} is missing or unknown", "Adapt once more.")
        with torch.no_grad():  # not by peft: loading it takes as long as a short video
            for layer in layers:
                first, last = (self.adapter[f"{layer}.lora_{half}.weight"] for half in "AB")
                weight: Any = network.get_submodule(layer).weight
                weight += (self.lora_alpha / self.r * last.flatten(1) @ first.flatten(1)).reshape(
                    weight.shape
                )
        return MotionModel(network, model.space, model.card)

    def files(self) -> dict[str, bytes]:
        """adapter_config.json and adapter_model.safetensors as peft writes them."""
        import tempfile
        from pathlib import Path

        from safetensors.torch import save

        with tempfile.TemporaryDirectory() as folder:
            _config(self.r, self.lora_alpha, list(self.targets)).save_pretrained(folder)
            config = (Path(folder) / CONFIG).read_bytes()
        tensors = {name: value.contiguous() for name, value in self.adapter.items()}
        return {CONFIG: config, WEIGHTS: save(tensors, {"format": "pt", "kind": FORMAT, "base": self.base})}

    @classmethod
    def from_files(cls, config: bytes, weights: bytes) -> PersonTuning:
        """What `files` gave.

        Raises:
            InputError: something is wrong with them.
        """
        from safetensors import SafetensorError
        from safetensors.torch import load

        try:
            told = json.loads(config)
            size = int.from_bytes(weights[:8], "little")
            about = json.loads(weights[8 : 8 + size])["__metadata__"]
            if about["kind"] != FORMAT:
                raise ValueError(f"kind is {about['kind']!r}")
            targets = tuple(sorted(str(name) for name in told["target_modules"]))
            return cls(load(weights), int(told["r"]), int(told["lora_alpha"]), targets, str(about["base"]))
        except (ValueError, KeyError, TypeError, SafetensorError) as error:
            cause = f"it is damaged or of another kind ({error})"
            raise InputError("a person's motion adapter", cause, "Adapt once more.") from None


@dataclass(frozen=True)
class Tuned:
    """How learning a person went.

    Attributes:
        tuning: what was learned; None where it was not worth keeping.
        before, after: held-out error without and with what was learned; see `held_out_error`.
        step: at which it was best.
        learned, held: frames.
    """

    tuning: PersonTuning | None
    before: float
    after: float
    step: int
    learned: int
    held: int

    def facts(self) -> dict[str, Any]:
        """For a report; JSON."""
        told = {name: value for name, value in asdict(self).items() if name != "tuning"}
        return {"kept": self.tuning is not None} | {
            name: round(value, 4) if isinstance(value, float) else value for name, value in told.items()
        }


def tune_person(
    model: MotionModel,
    clip: MotionPrompt,
    config: TuningConfig | None = None,
    progress: Callable[[int, int, float], None] | None = None,
) -> Tuned | None:
    """Learns a person from their clip; the model stays as it is.

    Args:
        model: loaded weights of the small model.
        clip: the person talking.
        config: how.
        progress: called with (steps done, steps in all, held-out error so far).

    Returns:
        None for a clip that is too short to be divided (`TuningConfig.shortest`).
    """
    config = config or TuningConfig()
    if clip.motion.frames < config.shortest:
        return None
    held = max(1, round(config.held * clip.motion.frames))
    learned = clip.motion.frames - held
    audio, motion = clip.audio.stack(), model.space.to_motion(clip.motion.expression)
    motion = (motion - motion[:learned].mean(dim=0)).clamp(-FARTHEST, FARTHEST)
    start = most_spoken(clip.audio.slice(0, learned), 150)
    prompt = audio[2 * start : 2 * min(learned, start + 150)], motion[start : min(learned, start + 150)]
    judged = audio[2 * learned :], motion[learned:]
    targets = [
        name
        for name, part in model.network.named_modules()
        if isinstance(part, (nn.Linear, nn.Conv1d)) and name.startswith(TUNED) and not name.endswith(PLAIN)
    ]
    tuned = _with_lora(model, config.r, config.lora_alpha, targets, config.seed)
    before = best = held_out_error(tuned, prompt, judged)
    step, kept = 0, _state(tuned.network)
    material = audio[: 2 * learned], motion[:learned]
    for done in _learn(tuned.network, material, config):
        if done % config.every == 0 or done == config.steps:
            error = held_out_error(tuned, prompt, judged)
            if error < best:
                best, step, kept = error, done, _state(tuned.network)
        if progress is not None:
            progress(done, config.steps, best)
    worth = best < (1 - config.least_gain) * before
    base = str(model.card.get("sha256", ""))
    tuning = PersonTuning(kept, config.r, config.lora_alpha, tuple(sorted(targets)), base)
    return Tuned(tuning if worth else None, before, best, step, learned, held)


def held_out_error(model: MotionModel, prompt: tuple[Tensor, Tensor], judged: tuple[Tensor, Tensor]) -> float:
    """Mean square of what is drawn from sound less the truth, but for a constant, over the truth's own.

    Channels count as they do in training. 1 is a face that does not move.

    Args:
        model: who is judged.
        prompt, judged: features (2T, 67) and motion (T, M).
    """
    audio, motion = judged
    model.network.eval()
    drawn = model.sample(audio, torch.zeros_like(motion), prompt, steps=PASSES)
    weight = channel_weights(motion.shape[1])
    wrong = (drawn - motion - (drawn - motion).mean(dim=0)).square().mean(dim=0)
    still = (motion - motion.mean(dim=0)).square().mean(dim=0)
    return float((wrong * weight).sum() / (still * weight).sum().clamp(min=1e-6))


def channel_weights(channels: int) -> Tensor:
    """(M,) of mean 1: the lip gap counts most, small shapes least."""
    weight = 1 / (1 + torch.arange(channels) / 2)
    weight[0] = 2.0
    return weight / weight.mean()


def _learn(network: nn.Module, clip: tuple[Tensor, Tensor], config: TuningConfig) -> Any:
    """Steps of learning, numbered from 1; flow matching on one stretch of the clip with another as prompt."""
    audio, motion = clip
    trained = [p for name, p in network.named_parameters() if ".lora_" in name]
    optimiser = torch.optim.AdamW(trained, config.rate, (0.9, 0.98), weight_decay=0.0)
    weight = channel_weights(motion.shape[1])
    shown = torch.arange(config.prompt + config.window) < config.prompt
    for step in range(config.steps):
        random = np.random.default_rng([config.seed, step])
        generator = torch.Generator().manual_seed(config.seed * 1_000_003 + step)
        rate = config.rate * 0.5 * (1 + np.cos(np.pi * step / config.steps))
        optimiser.param_groups[0]["lr"] = rate * min(1, (step + 1) / 5)
        heard, known, wanted = _stretches(audio, motion, config, random)
        t = torch.rand(config.batch, generator=generator)
        t = torch.where(torch.rand(config.batch, generator=generator) < 0.5, torch.zeros(()), t)
        spread = 0.5 * torch.rand(config.batch, 1, 1, generator=generator)  # sampling starts near the mean
        point, velocity = path(spread * torch.randn(wanted.shape, generator=generator), wanted, t)
        nothing = torch.zeros_like(known)
        network.train()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed * 7_919 + step)  # dropout
            found = network(
                torch.cat([nothing, point], dim=1),
                t,
                network.encode_sound(heard),  # type: ignore[operator]
                torch.cat([known, torch.zeros_like(wanted)], dim=1),
                shown.expand(config.batch, -1),
            )[:, config.prompt :]
        loss = ((found - velocity).square() * weight).mean()
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(trained, 1.0)
        optimiser.step()
        yield step + 1


def _stretches(
    audio: Tensor, motion: Tensor, config: TuningConfig, random: np.random.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """Sound of prompt and window one after the other, motion of the prompt, motion of the window."""
    size, frames = config.prompt + config.window, len(motion)
    heard, known, wanted = [], [], []
    for _ in range(config.batch):
        gap = int(random.integers(frames - size + 1))  # between the two, wherever they lie
        first = int(random.integers(frames - size - gap + 1))
        lengths = (config.prompt, config.window)
        shown, filled = first, first + config.prompt + gap
        if random.random() < 0.5:
            shown, filled = first + config.window + gap, first
        sound = [audio[2 * at : 2 * (at + n)] for at, n in zip((shown, filled), lengths, strict=True)]
        joined = torch.cat(sound)
        hide_sound(joined, random)
        heard.append(joined)
        known.append(motion[shown : shown + config.prompt])
        wanted.append(motion[filled : filled + config.window])
    return torch.stack(heard), torch.stack(known), torch.stack(wanted)


def _config(r: int, lora_alpha: int, targets: list[str]) -> Any:
    from peft import LoraConfig

    return LoraConfig(
        r=r, lora_alpha=lora_alpha, target_modules=targets, lora_dropout=0.0, inference_mode=True
    )


def _with_lora(model: MotionModel, r: int, lora_alpha: int, targets: list[str], seed: int = 0) -> MotionModel:
    """A copy of the model with LoRA that does nothing yet; only LoRA learns."""
    from peft import inject_adapter_in_model

    network = copy.deepcopy(model.network)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        inject_adapter_in_model(_config(r, lora_alpha, targets), network, adapter_name=NAME)
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(".lora_" in name)
    return MotionModel(network, model.space, model.card)


def _state(network: nn.Module) -> dict[str, Tensor]:
    from peft import get_peft_model_state_dict

    state = get_peft_model_state_dict(network, adapter_name=NAME)
    return {name: value.detach().clone() for name, value in state.items()}
