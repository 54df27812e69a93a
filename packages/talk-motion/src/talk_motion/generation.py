"""Speech to face motion: the one call most users need."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from .errors import InputError
from .features import AudioFeatures
from .habits import draw_blinks, draw_pose, surrogate
from .model import MotionModel, SamplingConfig
from .motion import EYE_BLINK, MotionPrompt, MotionSequence
from .mouthing import draw_mouth
from .rest import rest_mouth, settle, speech_presence


def generate(
    model: MotionModel,
    audio: AudioFeatures,
    prompt: MotionPrompt | None = None,
    *,
    steps: int = 2,
    style_strength: float = 1.0,
    temperature: float = 0.1,
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
        steps: of the flow's solver; on real clips more than 2 have not been better.
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
    frames, space = audio.frames, model.space
    mouth_noise, habit_noise = (torch.Generator().manual_seed(2 * seed + k) for k in (0, 1))
    noise = temperature * torch.randn(frames, space.channels, generator=mouth_noise)
    drawn = draw_mouth(
        model, audio, prompt, noise, steps=steps, style_strength=style_strength, sampling=sampling
    )
    expression = _whole_face(model, drawn, prompt, habit_noise)
    rest = rest_mouth(prompt.motion.expression, space.gap) if prompt else torch.zeros(expression.shape[1])
    settled = settle(expression, speech_presence(audio), rest)
    expression = torch.where(space.mouth, settled, expression)
    closing = draw_blinks(frames, prompt.motion if prompt else None, habit_noise)
    if blink == "none":
        closing = torch.zeros(frames)
    for lid in EYE_BLINK:
        expression[:, lid] = expression[:, lid] + (1 - expression[:, lid]) * closing
    head = draw_pose(frames, prompt.motion if prompt else None, habit_noise)
    if pose == "static":
        usual = (prompt.motion.euler, prompt.motion.translation, prompt.motion.gaze) if prompt else None
        head = tuple(
            part.mean(dim=0).expand(frames, -1).clone() if usual else 0 * moving
            for part, moving in zip(usual or head, head, strict=True)
        )
    euler, translation, gaze = head
    return MotionSequence(expression, euler, translation, gaze, closing)


def _check(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise InputError(
            name, f"{value} is outside {low} to {high}", f"Choose {name} between {low} and {high}."
        )


def _whole_face(
    model: MotionModel, mouth: Tensor, prompt: MotionPrompt | None, generator: torch.Generator
) -> Tensor:
    """Expression (T, 64): the drawn mouth on the person's usual face, the rest in the prompt's manner."""
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
