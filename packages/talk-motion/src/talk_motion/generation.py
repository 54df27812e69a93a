"""Speech to face motion: the one call most users need."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import torch
from torch import Tensor

from .errors import InputError
from .features import AudioFeatures
from .habits import draw_blinks, draw_pose, surrogate
from .model import MotionModel, SamplingConfig
from .motion import EYE_BLINK, MotionPrompt, MotionSequence
from .rest import rest_motion, settle, speech_presence


def generate(
    model: MotionModel,
    audio: AudioFeatures,
    prompt: MotionPrompt | None = None,
    *,
    steps: int = 4,
    style_strength: float = 1.0,
    temperature: float = 0.05,
    seed: int = 0,
    pose: Literal["ref", "static"] = "ref",
    blink: Literal["auto", "none"] = "auto",
    sampling: SamplingConfig | None = None,
) -> MotionSequence:
    """Draws the motion of a face that speaks the sound, in the style of the prompt.

    Args:
        model: from `MotionModel.from_pretrained`.
        audio: features of the speech.
        prompt: a clip of the person talking, of any length; None gives an average speaker.
        steps: of the flow's solver; quality changes little above 4.
        style_strength: 0 ignores the prompt's mouth, 1 follows it, 2 exaggerates it.
        temperature: scale of the initial noise; 0 gives the mean, 1 all the variety (and less exact lips).
        seed: same seed, same motion.
        pose: "ref" moves head and eyes in the prompt's manner, "static" holds the prompt's mean pose.
        blink: "auto" blinks at the prompt's rate, "none" keeps the eyes open.
        sampling: windows and solver; memory does not depend on the length of the speech.

    Returns:
        As many motion frames as the sound has.

    Raises:
        InputError: a setting outside its range.
    """
    _check("steps", steps, 1, 100)
    _check("style_strength", style_strength, 0, 5)
    _check("temperature", temperature, 0, 2)
    if pose not in ("ref", "static") or blink not in ("auto", "none"):
        raise InputError(
            "pose, blink",
            f"got {pose!r} and {blink!r}",
            'Use pose "ref" or "static", blink "auto" or "none".',
        )
    sampling = sampling or SamplingConfig()
    frames, space = audio.frames, model.space
    mouth_noise, habit_noise = (torch.Generator().manual_seed(2 * seed + k) for k in (0, 1))
    noise = temperature * torch.randn(frames, space.channels, generator=mouth_noise)
    example = None
    if prompt is None:
        rest = -space.mean / space.scale * (torch.arange(space.channels) == 0)
    else:
        known = space.to_motion(prompt.motion.expression)
        rest = rest_motion(known, prompt.audio)
        start = _most_spoken(prompt.audio, sampling.prompt)
        part = slice(start, start + sampling.prompt)
        example = (prompt.audio.stack()[2 * start : 2 * part.stop], known[part])
    drawn = model.sample(
        audio.stack(), noise, example, steps=steps, style_strength=style_strength, sampling=sampling
    )
    mouth = settle(drawn, speech_presence(audio), rest)
    expression = _whole_face(model, mouth, prompt, habit_noise)
    closing = draw_blinks(frames, prompt.motion if prompt else None, habit_noise)
    if blink == "none":
        closing = torch.zeros(frames)
    for lid in EYE_BLINK:
        expression[:, lid] = expression[:, lid] + (1 - expression[:, lid]) * closing
    euler, translation, gaze = draw_pose(frames, prompt.motion if prompt else None, habit_noise)
    motion = MotionSequence(expression, euler, translation, gaze, closing)
    if pose == "static":
        still = prompt.motion if prompt else replace(motion, euler=motion.euler * 0, translation=motion.translation * 0,
                                                     gaze=motion.gaze * 0)  # fmt: skip
        motion = replace(motion, **{
            name: getattr(still, name).mean(dim=0).expand(frames, -1).clone()
            for name in ("euler", "translation", "gaze")
        })  # fmt: skip
    return motion


def _check(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise InputError(
            name, f"{value} is outside {low} to {high}", f"Choose {name} between {low} and {high}."
        )


def _most_spoken(audio: AudioFeatures, length: int) -> int:
    """First frame of the stretch of a prompt that holds the most voice."""
    voice = audio.voiced.unflatten(0, (-1, 2)).mean(dim=1)
    if voice.numel() <= length:
        return 0
    return int(voice.unfold(0, length, 1).sum(dim=-1).argmax())


def _whole_face(
    model: MotionModel, mouth: Tensor, prompt: MotionPrompt | None, generator: torch.Generator
) -> Tensor:
    """Expression (T, 64): the drawn mouth on the person's usual face, brows and cheeks in the prompt's
    manner."""
    space = model.space
    if prompt is None:
        return space.to_expression(mouth)
    usual = prompt.motion.expression.mean(dim=0)
    # What the motion channels cannot say about this person's mouth stays as it usually is.
    change = (mouth - space.to_motion(usual)) * space.scale @ space.decode.T
    upper = surrogate(_without_blinks(prompt.motion), mouth.shape[0], generator)
    return torch.where(space.mouth, usual + change, upper)


def _without_blinks(motion: MotionSequence) -> Tensor:
    """Expression with the lids held at their usual opening: blinks are drawn apart."""
    out = motion.expression.clone()
    for lid in EYE_BLINK:
        out[:, lid] = motion.expression[:, lid].quantile(0.2)
    return out
