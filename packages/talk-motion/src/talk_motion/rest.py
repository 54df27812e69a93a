"""Lips at rest where nobody speaks.

A model of speech has opinions about silence, and lips that move in silence are what users complain about
first. So where no voice is heard for longer than about 1 s the drawn motion gives way to the person's
closed mouth. This is a rule, not learned; whispering counts as silence.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from .features import AudioFeatures, steady_energy

REACH = 12  # frames of 40 ms by which speech holds the mouth: people keep it open in the pauses between words
QUIETEST = -28.0  # dB below the speech level at which a voice is somebody else's
STANDS_OUT = 6.0  # dB above the quiet moments of the clip
CLOSED = 0.03  # share of a prompt's frames that show its closed mouth
FADE = 5  # frames over which the mouth comes to rest


def speech_presence(audio: AudioFeatures, quiet: float | None = None) -> Tensor:
    """How much somebody speaks, 0 to 1 per motion frame (T,): voice near by, smoothed over 0.2 s.

    A voice is a periodic sound that stands out: hum is periodic too, and rumble now and then, but they are
    as loud in their loud moments as in their quiet ones.

    Args:
        audio: T motion frames of sound.
        quiet: energy of the quiet moments (`SoundStatistics.quiet`); default: those of this very sound.
    """
    steady = steady_energy(audio.energy)
    quiet = float(steady.quantile(0.1)) if quiet is None else quiet
    heard = (audio.voiced > 0) & (audio.energy > QUIETEST) & (steady > quiet + STANDS_OUT)
    frames = heard.unflatten(0, (-1, 2)).any(dim=1).float()[None, None]
    near = F.max_pool1d(frames, 2 * REACH + 1, 1, REACH)
    fade = torch.hann_window(FADE + 2, periodic=False)[1:-1]
    return F.conv1d(F.pad(near, (FADE // 2, FADE // 2), mode="replicate"), (fade / fade.sum())[None, None])[
        0, 0
    ]


def rest_mouth(expression: Tensor, gap: Tensor) -> Tensor:
    """The person's resting face (64,), from a prompt's expressions (P, 64) and the lip gap's basis (64,).

    Half way between the mean of the most closed frames and the neutral face, whose lips touch: fitted lips
    hardly ever meet exactly, and some people do not close theirs within a whole prompt.
    """
    opening = (expression @ gap).abs()  # lips that are fitted past each other are as wrong as a gap
    closed = opening <= opening.quantile(CLOSED)
    return expression[closed].mean(dim=0) / 2


def settle(motion: Tensor, presence: Tensor, rest: Tensor) -> Tensor:
    """Blends expressions (T, 64) into `rest` (64,) where nobody speaks."""
    return rest + presence[:, None] * (motion - rest)
