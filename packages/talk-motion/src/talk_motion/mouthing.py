"""The mouth of a prompt's person for some sound: where their zero is, and how far they open.

A tracker gives a stranger's neutral face only roughly, so constant parts of the prompt are taken off before
the model sees it and put back after. And a model that is unsure draws the mean, which opens too little: how
much too little is measured on the prompt itself, where the model is not shown it.

Style strength other than 1 moves all of this away from, or towards, the usual speaker: the constant parts
(smile, asymmetry), how far the mouth opens, and by guidance (`MotionModel.sample`) what the model drew.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .features import AudioFeatures
from .lip_closures import closing
from .model import MotionModel, SamplingConfig
from .motion import MotionPrompt

USUAL_SPREAD = 0.7  # deviation of the opening within a speaker, in the space's unit; median of random styles
MOST_EXAGGERATED = 2.0  # times the opening; further, and mouths tear
SHORTEST_HALF = 25  # frames; less than two seconds of prompt say nothing about how far a person opens
LONGEST_JUDGED = 500  # frames on each side of what is shown
SMALLEST_GAIN, LARGEST_GAIN = 0.6, 2.0


class Mouth:
    """A person's mouth, ready to say anything: what is measured on the prompt is measured once.

    Args:
        model: network and motion space.
        prompt: the person; None for nobody in particular.
        steps, style_strength, sampling: see `MotionModel.sample`.
    """

    def __init__(
        self,
        model: MotionModel,
        prompt: MotionPrompt | None,
        *,
        steps: int,
        style_strength: float = 1.0,
        sampling: SamplingConfig | None = None,
    ) -> None:
        self.model, self.steps, self.style_strength = model, steps, style_strength
        self.sampling = sampling or SamplingConfig()
        self._shown: tuple[Tensor, Tensor] | None = None
        if prompt is not None:
            known = model.space.to_motion(prompt.motion.expression)
            self._offset = known.mean(dim=0)
            start = most_spoken(prompt.audio, self.sampling.prompt)
            audio, motion = prompt.audio.stack(), known - self._offset
            shown = min(self.sampling.prompt, len(motion) - start)
            self._shown = audio[2 * start : 2 * (start + shown)], motion[start : start + shown]
            self._closed = float(known[:, 0].quantile(0.02) - self._offset[0])
            self._gain = opening_gain(model, audio, motion, start, shown, steps)
            spread = float(known[:, 0].std()) if len(known) > 1 else USUAL_SPREAD
            self._amplitude, self._constant = manner_at(self._offset, spread, style_strength)

    def draw(self, audio: AudioFeatures, noise: Tensor) -> Tensor:
        """Motion channels (T, M) for T motion frames of sound, from noise (T, M)."""
        features = audio.stack()
        sound = self.model.encode(features)
        drawn = self.model.sample(
            features,
            noise,
            self._shown,
            steps=self.steps,
            style_strength=self.style_strength,
            sampling=self.sampling,
            sound=sound,
        )
        if self._shown is None:
            return drawn
        opening = (self._gain * drawn[:, 0]).clamp(min=self._closed)
        apart = self._amplitude * (1 - closing(self.model, sound))
        drawn[:, 0] = self._closed + apart * (opening - self._closed)  # closed lips stay closed
        return drawn + self._constant


def manner_at(offset: Tensor, spread: float, style_strength: float) -> tuple[float, Tensor]:
    """How far a person opens and what stays of their face, at a style strength.

    Args:
        offset: (M,) the prompt's mean motion; 0 is the usual speaker.
        spread: deviation of the prompt's opening.
        style_strength: 1 gives the person, 0 the usual speaker, 2 twice as far from the usual as the person.

    Returns:
        factor on the opening above closed lips, 1 at strength 1; and the constant motion (M,), whose opening
        is always the person's own, as it says where their lips meet.
    """
    factor = (max(spread, 1e-3) / USUAL_SPREAD) ** (style_strength - 1)
    constant = style_strength * offset
    constant[0] = offset[0]
    return min(max(factor, 1 / MOST_EXAGGERATED), MOST_EXAGGERATED), constant


def opening_gain(
    model: MotionModel, audio: Tensor, motion: Tensor, start: int, length: int, steps: int
) -> float:
    """How much further the person opens than the model draws them, 0.6 to 2.

    Judged where the model does not see the person: on the prompt outside the stretch that it is shown, or
    for a short prompt on each half with the other shown.

    Args:
        model: the model to correct.
        audio, motion: stacked features (2P, A) and motion (P, M) of the whole prompt.
        start, length: the stretch that is shown.
        steps: of the solver.
    """
    parts = [(0, start), (start + length, len(motion))]
    judged = [(a, min(b, a + LONGEST_JUDGED)) for a, b in parts if b - a >= SHORTEST_HALF]
    shown = [(start, start + length)] * len(judged)
    if not judged:
        half = length // 2
        if half < SHORTEST_HALF:
            return 1.0
        judged = [(start, start + half), (start + half, start + 2 * half)]
        shown = judged[::-1]
    drawn, true = [], []
    for (a, b), (c, d) in zip(judged, shown, strict=True):
        prompt = audio[2 * c : 2 * d], motion[c:d]
        drawn.append(model.sample(audio[2 * a : 2 * b], torch.zeros_like(motion[a:b]), prompt, steps=steps))
        true.append(motion[a:b])
    gain = _reach(torch.cat(true)[:, 0]) / (_reach(torch.cat(drawn)[:, 0]) + 1e-6)
    return float(gain.clamp(SMALLEST_GAIN, LARGEST_GAIN))


def _reach(opening: Tensor) -> Tensor:
    """From nearly closed to nearly widest: what a viewer takes for how far somebody opens the mouth."""
    return opening.quantile(0.95) - opening.quantile(0.05)


def most_spoken(audio: AudioFeatures, length: int) -> int:
    """First frame of the stretch of a prompt that holds the most voice."""
    voice = audio.voiced.unflatten(0, (-1, 2)).mean(dim=1)
    if voice.numel() <= length:
        return 0
    return int(voice.unfold(0, length, 1).sum(dim=-1).argmax())
