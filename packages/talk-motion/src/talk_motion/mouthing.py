"""The mouth of a prompt's person for some sound: where their zero is, and how far they open.

A tracker gives a stranger's neutral face only roughly, so constant parts of the prompt are taken off before
the model sees it and put back after. And a model that is unsure draws the mean, which opens too little: how
much too little is measured on the prompt itself, each half drawn with the other as prompt.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .features import AudioFeatures
from .model import MotionModel, SamplingConfig
from .motion import MotionPrompt

SHORTEST_HALF = 25  # frames; less than two seconds of prompt say nothing about how far a person opens
LARGEST_GAIN = 2.0


def draw_mouth(
    model: MotionModel,
    audio: AudioFeatures,
    prompt: MotionPrompt | None,
    noise: Tensor,
    *,
    steps: int,
    style_strength: float = 1.0,
    sampling: SamplingConfig | None = None,
) -> Tensor:
    """Motion channels (T, M) of the mouth for the sound.

    Args:
        model: network and motion space.
        audio: T motion frames of sound.
        prompt: the person; None for nobody in particular.
        noise: (T, M) start of the flow.
        steps, style_strength, sampling: see `MotionModel.sample`.
    """
    sampling = sampling or SamplingConfig()
    sound = audio.stack()
    if prompt is None:
        return model.sample(sound, noise, steps=steps, sampling=sampling)
    known = model.space.to_motion(prompt.motion.expression)
    offset = known.mean(dim=0)
    start = most_spoken(prompt.audio, sampling.prompt)
    heard = prompt.audio.stack()[2 * start : 2 * (start + sampling.prompt)]
    seen = (known - offset)[start : start + sampling.prompt]
    drawn = model.sample(
        sound, noise, (heard, seen), steps=steps, style_strength=style_strength, sampling=sampling
    )
    closed = float(known[:, 0].quantile(0.02) - offset[0])
    drawn[:, 0] = (opening_gain(model, heard, seen, steps) * drawn[:, 0]).clamp(min=closed)
    return drawn + offset


def opening_gain(model: MotionModel, heard: Tensor, seen: Tensor, steps: int) -> float:
    """How much further the person opens than the model draws them, 1 to 2.

    Args:
        model: the model to correct.
        heard, seen: stacked features (2P, A) and motion (P, M) of the prompt.
        steps: of the solver.
    """
    half = seen.shape[0] // 2
    if half < SHORTEST_HALF:
        return 1.0
    halves = [(heard[: 2 * half], seen[:half]), (heard[2 * half : 4 * half], seen[half : 2 * half])]
    drawn = [
        model.sample(sound, torch.zeros_like(motion), other, steps=steps)[:, 0]
        for (sound, motion), other in zip(halves, halves[::-1], strict=True)
    ]
    gain = seen[: 2 * half, 0].std() / (torch.cat(drawn).std() + 1e-6)
    return float(gain.clamp(1.0, LARGEST_GAIN))


def most_spoken(audio: AudioFeatures, length: int) -> int:
    """First frame of the stretch of a prompt that holds the most voice."""
    voice = audio.voiced.unflatten(0, (-1, 2)).mean(dim=1)
    if voice.numel() <= length:
        return 0
    return int(voice.unfold(0, length, 1).sum(dim=-1).argmax())
