"""Lips at rest where nobody speaks.

A model of speech has opinions about silence, and lips that move in silence are what users complain about
first. So where no voice is heard for longer than about 1 s the drawn motion gives way to the person's
closed mouth. This is a rule, not learned; whispering counts as silence.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from .features import AudioFeatures

REACH = 12  # frames of 40 ms by which speech holds the mouth: people keep it open in the pauses between words
QUIETEST = -28.0  # dB below the speech level at which a voice is somebody else's
STANDS_OUT = 6.0  # dB above the quiet moments of the clip
FADE = 5  # frames over which the mouth comes to rest


def speech_presence(audio: AudioFeatures) -> Tensor:
    """How much somebody speaks, 0 to 1 per motion frame (T,): voice near by, smoothed over 0.2 s.

    A voice is a periodic sound that stands out: hum is periodic too, and rumble now and then, but they are
    as loud in their loud moments as in their quiet ones.
    """
    steady = F.avg_pool1d(F.pad(audio.energy[None, None], (2, 2), mode="replicate"), 5, 1)[0, 0]
    heard = (audio.voiced > 0) & (audio.energy > QUIETEST) & (steady > steady.quantile(0.1) + STANDS_OUT)
    frames = heard.unflatten(0, (-1, 2)).any(dim=1).float()[None, None]
    near = F.max_pool1d(frames, 2 * REACH + 1, 1, REACH)
    fade = torch.hann_window(FADE + 2, periodic=False)[1:-1]
    return F.conv1d(F.pad(near, (FADE // 2, FADE // 2), mode="replicate"), (fade / fade.sum())[None, None])[
        0, 0
    ]


def rest_motion(motion: Tensor, audio: AudioFeatures) -> Tensor:
    """The person's resting mouth (M,), from a prompt in motion channels (P, M).

    The shape is the mean over silent frames, or over the most closed tenth where the prompt has no silence;
    the gap is the smallest usual one, because prompts that breathe with open lips must not leave the mouth
    open.
    """
    gap = motion[:, 0]
    silent = speech_presence(audio) < 0.1
    if int(silent.sum()) < 5:
        silent = gap <= gap.quantile(0.1)
    rest = motion[silent].mean(dim=0)
    rest[0] = torch.minimum(rest[0], gap.quantile(0.02))
    return rest


def settle(motion: Tensor, presence: Tensor, rest: Tensor) -> Tensor:
    """Blends motion (T, M) into `rest` (M,) where nobody speaks."""
    return rest + presence[:, None] * (motion - rest)
