"""Sound in, motion out, while somebody speaks.

Every hop the network draws a window that ends with the newest sound; the frames that have heard enough of
what follows them are final. A window that sees a little more than the one before draws a little otherwise:
the difference at the border is carried over and fades out, so that motion stays continuous.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .errors import InputError
from .feature_stream import RawStream
from .features import SoundStatistics, normalised
from .generation import Face, Noise, Speaking
from .model import MotionModel, SamplingConfig
from .motion import MotionPrompt, MotionSequence
from .mouthing import Mouth
from .rest import speech_presence
from .running_statistics import Adaptation, RunningStatistics
from .sound_frames import FRAME, RawSound, as_wave

FPS = 25.0
LONGEST_LOOK_AHEAD = 8  # frames; 0.32 s


@dataclass(frozen=True)
class StreamConfig:
    """How live motion is drawn, all in frames of 40 ms.

    Attributes:
        look_ahead: sound after a frame for which the frame waits at most, 1 to 8.
        hop: frames drawn together; a larger one costs less and lets the first of them look less far ahead.
        past: earlier frames that the network sees.
        fade: over which the difference between two windows fades out.
        prompt: frames of the prompt that are used at most.
    """

    look_ahead: int = 8
    hop: int = 4
    past: int = 88
    fade: int = 5
    prompt: int = 100

    def __post_init__(self) -> None:
        if not 1 <= self.look_ahead <= LONGEST_LOOK_AHEAD:
            raise ValueError(f"look_ahead must lie in [1, {LONGEST_LOOK_AHEAD}], got {self.look_ahead}")
        if not 1 <= self.hop <= self.look_ahead:
            raise ValueError(f"hop must lie in [1, {self.look_ahead}], got {self.hop}")
        for name in ("past", "fade", "prompt"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")

    @property
    def waiting(self) -> int:
        """Frames at the end of a window that are not final yet."""
        return self.look_ahead - self.hop + 1

    @property
    def window(self) -> int:
        """Frames that the network sees."""
        return self.past + self.hop + self.waiting


class MotionStream:
    """`generate` for sound that comes in chunks of any size.

    Memory does not grow. The motion does not depend on how the sound was cut into chunks.

    Args:
        model: from `MotionModel.from_pretrained`.
        prompt: a clip of the person talking; None gives an average speaker.
        speaking: style strength, seed and the like.
        sound: statistics of other sound of this speaker and microphone, e.g. of the prompt's
            (`statistics_of`); without them level and colour of the sound are found in the first second.
        config: window, hop and look-ahead.
        adaptation: how fast the normalisation follows the sound.
    """

    def __init__(
        self,
        model: MotionModel,
        prompt: MotionPrompt | None = None,
        speaking: Speaking | None = None,
        *,
        sound: SoundStatistics | None = None,
        config: StreamConfig | None = None,
        adaptation: Adaptation | None = None,
    ) -> None:
        speaking, self.config = speaking or Speaking(), config or StreamConfig()
        self._mouth = Mouth(
            model,
            prompt,
            steps=speaking.steps,
            style_strength=speaking.style_strength,
            sampling=SamplingConfig(self.config.window, 0, self.config.prompt),
        )
        self._face, self._source = Face(model, prompt, speaking), Noise(model, speaking)
        self._statistics = RunningStatistics(sound, adaptation)
        self._raw, self._heard = RawStream(), RawSound.none()
        self._noise = torch.zeros(0, model.space.channels)
        self._last: Tensor | None = None  # mouth of the last frame given out, (1, M)
        self._waiting: list[Tensor] = []  # samples of a hop that is not complete
        self._first = self._given = self._there = 0  # frames: of the window, given out, come in
        self._finished = False

    @property
    def look_ahead(self) -> float:
        """Seconds of sound after the end of a frame that must come in before the frame is given out."""
        return self.config.look_ahead / FPS

    def push(self, samples: np.ndarray | Tensor) -> MotionSequence:
        """Takes mono sound (n,) in [-1, 1] at 16 kHz; gives the frames that are final now, maybe none.

        Raises:
            InputError: the stream is finished, or the sound is not one channel or not finite.
        """
        if self._finished:
            raise InputError("stream", "it is finished", "Make a new MotionStream.")
        hop = self.config.hop * FRAME
        wave = torch.cat([*self._waiting, as_wave(samples)])
        parts = wave[: len(wave) // hop * hop].split(hop) if len(wave) >= hop else ()
        self._waiting = [wave[len(parts) * hop :].clone()]
        return MotionSequence.join([self._hop(part, self.config.waiting) for part in parts])

    def finish(self) -> MotionSequence:
        """The frames that still waited; the last one is filled with silence."""
        if self._finished:
            raise InputError("stream", "it is finished", "Make a new MotionStream.")
        self._finished = True
        return self._hop(torch.cat([torch.zeros(0), *self._waiting]), 0)

    def _hop(self, wave: Tensor, waiting: int) -> MotionSequence:
        """Hears a hop; draws a window; gives all of it that is new but the last `waiting` frames."""
        final = self._raw.push(wave)
        tail = self._raw.tail()
        self._statistics.add(final)
        self._heard = RawSound.join([self._heard, final])
        come = -(-self._raw.samples // FRAME)
        self._noise = torch.cat([self._noise, self._source.take(come - self._there)])
        self._there = come
        stop = come - waiting
        if stop <= self._given:
            return MotionSequence.join([])
        self._forget(max(self._first, come - self.config.window))
        audio = normalised(RawSound.join([self._heard, tail]), self._statistics.current)
        drawn = self._mouth.draw(audio, self._noise)
        presence = speech_presence(audio, self._statistics.current.quiet)
        new = slice(self._given - self._first, stop - self._first)
        mouth = self._continued(drawn, new)
        self._given, self._last = stop, mouth[-1:]
        return self._face.take(mouth, presence[new])

    def _forget(self, first: int) -> None:
        """Drops what lies before the frame with which the window begins."""
        gone, self._first = first - self._first, first
        self._heard, self._noise = self._heard[slice(2 * gone, None)], self._noise[gone:]

    def _continued(self, drawn: Tensor, new: slice) -> Tensor:
        """The new frames of a drawn window (T, M), beginning where the last ones ended."""
        mouth = drawn[new]
        if self._last is None:
            return mouth
        fade = 1 - torch.arange(1, len(mouth) + 1) / (self.config.fade + 1)
        return mouth + fade.clamp(min=0)[:, None] * (self._last - drawn[new.start - 1])
