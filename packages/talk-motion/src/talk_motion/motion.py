"""Face motion at 25 frames per second, and the prompt that carries a person's style."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path

import torch
from torch import Tensor

from .errors import InputError
from .features import AudioFeatures
from .seal import load_sealed, save_sealed

EXPRESSION = 64
SIZES = {"expression": (EXPRESSION,), "euler": (3,), "translation": (3,), "gaze": (2,), "blink": ()}
EYE_BLINK = (0, 7)  # eyeBlinkLeft, eyeBlinkRight in the order of docs/conventions.md
MOTION_FORMAT, PROMPT_FORMAT = "talk_motion.MotionSequence.2", "talk_motion.MotionPrompt.2"


@dataclass(frozen=True)
class MotionSequence:
    """Motion of a face.

    Attributes:
        expression: (T, 64); the first 52 are ARKit shapes, 0 rest to 1 full, the last 12 standard deviations.
        euler: (T, 3) pitch, yaw, roll of the head in radians.
        translation: (T, 3) of the head in decimetres.
        gaze: (T, 2) radians.
        blink: (T,) 0 open to 1 closed; already contained in `expression`.
        fps: frames per second, 25.
    """

    expression: Tensor
    euler: Tensor
    translation: Tensor
    gaze: Tensor
    blink: Tensor
    fps: float = 25.0

    def __post_init__(self) -> None:
        frames = self.expression.shape[0]
        for name, size in SIZES.items():
            value = getattr(self, name)
            if tuple(value.shape) != (frames, *size):
                raise ValueError(f"{name} must have shape {(frames, *size)}, got {tuple(value.shape)}")
            if not torch.isfinite(value).all():
                raise ValueError(f"{name} holds numbers that are not finite")
        if self.fps != 25.0:
            raise ValueError(f"fps must be 25, got {self.fps}")

    @property
    def frames(self) -> int:
        return self.expression.shape[0]

    @classmethod
    def from_tracking(
        cls, expression: Tensor, euler: Tensor, translation: Tensor, gaze: Tensor
    ) -> MotionSequence:
        """Motion from fitted coefficients; blinks are read from the eyeBlink shapes."""
        lids = expression[:, EYE_BLINK].mean(dim=1)
        opened = lids.quantile(0.2) if lids.numel() else 0.0
        blink = ((lids - opened) / (1.0 - opened)).clamp(0, 1)
        return cls(expression.float(), euler.float(), translation.float(), gaze.float(), blink.float())

    def slice(self, start: int, stop: int) -> MotionSequence:
        """Frames [start, stop)."""
        parts = {f.name: getattr(self, f.name)[start:stop] for f in fields(self) if f.name != "fps"}
        return _sequence(parts)

    @staticmethod
    def join(parts: Sequence[MotionSequence]) -> MotionSequence:
        """One after the other; without parts a motion of no frames."""
        if not parts:
            return _sequence({name: torch.zeros(0, *size) for name, size in SIZES.items()})
        return _sequence({name: torch.cat([getattr(part, name) for part in parts]) for name in SIZES})

    def save(self, path: str | Path) -> None:
        """Writes sealed safetensors, atomically."""
        _save(path, _tensors(self), MOTION_FORMAT)

    @classmethod
    def load(cls, path: str | Path) -> MotionSequence:
        """Reads what `save` wrote.

        Raises:
            InputError: the file is missing, cut short, altered, of a newer schema, or something else.
        """
        tensors = _load(path, MOTION_FORMAT)
        with _told(path):
            return _sequence(tensors)


@dataclass(frozen=True)
class MotionPrompt:
    """A clip of a person talking, sound and motion of the same frames: the style, without a style vector."""

    audio: AudioFeatures
    motion: MotionSequence

    def __post_init__(self) -> None:
        if self.audio.frames != self.motion.frames:
            raise ValueError(f"sound has {self.audio.frames} motion frames, motion has {self.motion.frames}")
        if self.motion.frames < 1:
            raise ValueError("a prompt needs at least one frame, got 0")

    def save(self, path: str | Path) -> None:
        """Writes sealed safetensors, atomically."""
        sound = {f"audio.{f.name}": getattr(self.audio, f.name) for f in fields(self.audio)}
        motion = {f"motion.{name}": value for name, value in _tensors(self.motion).items()}
        _save(path, sound | motion, PROMPT_FORMAT)

    @classmethod
    def load(cls, path: str | Path) -> MotionPrompt:
        """Reads what `save` wrote.

        Raises:
            InputError: the file is missing, cut short, altered, of a newer schema, or something else.
        """
        tensors = _load(path, PROMPT_FORMAT)
        parts: dict[str, dict[str, Tensor]] = {"audio": {}, "motion": {}}
        with _told(path):
            for name, value in tensors.items():
                group, _, key = name.partition(".")
                parts[group][key] = value
            return cls(AudioFeatures(**parts["audio"]), _sequence(parts["motion"]))


@contextmanager
def _told(path: str | Path) -> Iterator[None]:
    """Tell of tensors that are no motion, which only a file of schema 1 or another program's can hold."""
    try:
        yield
    except (KeyError, ValueError, TypeError, AttributeError, RuntimeError, IndexError) as error:
        words = " ".join(str(error).split())[:120]
        raise InputError(path, f"what it holds is no motion ({words})", "Make it again.") from error


def _sequence(parts: dict[str, Tensor]) -> MotionSequence:
    return MotionSequence(
        parts["expression"], parts["euler"], parts["translation"], parts["gaze"], parts["blink"]
    )


def _tensors(motion: MotionSequence) -> dict[str, Tensor]:
    return {f.name: getattr(motion, f.name) for f in fields(motion) if f.name != "fps"}


def _save(path: str | Path, tensors: dict[str, Tensor], form: str) -> None:
    data = save_sealed({name: value.float().clone() for name, value in tensors.items()}, form)
    write_atomically(Path(path), data)


def write_atomically(path: Path, data: bytes) -> None:
    """Writes beside the target, flushes to the disk, then takes the target's place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    with part.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def _load(path: str | Path, form: str) -> dict[str, Tensor]:
    kind = form.split(".")[1]
    cure = f"Give a file written by {kind}.save."
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise InputError(path, f"it cannot be read ({error.strerror})", "Check the name.") from error
    return load_sealed(path, content, form, cure)[0]
