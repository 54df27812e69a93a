"""Head, eyes, brows and blinks in the manner of the prompt, drawn anew and never looped.

Slow motion is a surrogate of the prompt's own: pieces of it with random phases, the same for all channels,
so that its spectrum and the ties between channels stay (Prichard & Theiler 1994) while no gesture returns.
Blinks are events with the prompt's rate and shape that always close fully.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from .motion import MotionSequence

PIECE = 128  # frames of one surrogate piece; slower motion than 5 s is part of the mean
USUAL_INTERVAL = 4.0  # seconds between blinks where the prompt does not tell (15 per minute)
USUAL_BLINK = torch.tensor([0.35, 0.85, 1.0, 0.8, 0.5, 0.25, 0.1])  # closing 80 ms, opening 160 ms
SHORTEST_PROMPT = 25  # frames from which slow motion can be copied


def surrogate(reference: Tensor, frames: int, generator: torch.Generator) -> Tensor:
    """Endless motion with the spectrum of a short one.

    Args:
        reference: (P, C) motion to imitate.
        frames: how much is wanted.
        generator: draws pieces and phases.

    Returns:
        (frames, C), within the range of the reference.
    """
    length, channels = reference.shape
    if length < SHORTEST_PROMPT:
        return reference.mean(dim=0).expand(frames, channels).clone()
    mean = reference.mean(dim=0)
    piece = min(PIECE, length) // 2 * 2
    hop = piece // 2
    fade = torch.sin((torch.arange(piece) + 0.5) * math.pi / piece)[
        :, None
    ]  # squares of neighbours add to one
    out = torch.zeros(frames + 2 * piece, channels)
    for start in range(0, frames + piece, hop):
        first = int(torch.randint(length - piece + 1, (1,), generator=generator))
        spectrum = torch.fft.rfft(reference[first : first + piece] - mean, dim=0)
        phase = torch.rand(spectrum.shape[0], 1, generator=generator) * 2 * math.pi
        phase[0] = 0.0
        turned = torch.fft.irfft(spectrum * torch.polar(torch.ones_like(phase), phase), n=piece, dim=0)
        out[start : start + piece] += fade * turned
    drawn = mean + out[piece : piece + frames]
    return torch.minimum(torch.maximum(drawn, reference.amin(dim=0)), reference.amax(dim=0))


def find_blinks(blink: Tensor) -> list[int]:
    """Frames at which the lids are most closed, one per blink."""
    closed = blink > max(0.35, 0.6 * float(blink.max())) if blink.numel() else blink > 1
    peaks: list[int] = []
    for frame in torch.nonzero(closed).flatten().tolist():
        if peaks and frame - peaks[-1] < 6:
            if blink[frame] > blink[peaks[-1]]:
                peaks[-1] = frame
        else:
            peaks.append(frame)
    return peaks


def draw_blinks(frames: int, prompt: MotionSequence | None, generator: torch.Generator) -> Tensor:
    """Blinks (frames,) 0 open to 1 closed, at the prompt's rate, each of them complete."""
    peaks = find_blinks(prompt.blink) if prompt is not None else []
    interval = USUAL_INTERVAL
    if prompt is not None:
        # One usual blink is added to the count: short prompts say little, long ones speak for themselves.
        interval = (prompt.frames / prompt.fps + USUAL_INTERVAL) / (len(peaks) + 1)
    interval = min(max(interval, 1.5), 12.0)
    out = torch.zeros(frames + 20)
    at = float(torch.rand(1, generator=generator)) * interval
    while at * 25 < frames:
        start = int(at * 25)
        out[start : start + len(USUAL_BLINK)] = torch.maximum(
            out[start : start + len(USUAL_BLINK)], USUAL_BLINK
        )
        spread = float(torch.randn(1, generator=generator))
        at += max(0.4, interval * math.exp(0.5 * spread - 0.125))  # log-normal with mean `interval`
    return out[:frames]


def draw_pose(frames: int, prompt: MotionSequence | None, generator: torch.Generator) -> tuple[Tensor, ...]:
    """Head rotation, head translation (frames, 3) and gaze (frames, 2) in the prompt's manner."""
    if prompt is None:
        reference = _usual_pose(frames, generator)
    else:
        reference = torch.cat([prompt.euler, prompt.translation, prompt.gaze], dim=1)
        reference = surrogate(reference, frames, generator)
    return reference[:, :3], reference[:, 3:6], reference[:, 6:]


def _usual_pose(frames: int, generator: torch.Generator) -> Tensor:
    """Calm motion for want of a prompt: slow noise of 0.02 rad."""
    noise = torch.randn(frames + 100, 8, generator=generator)
    kernel = torch.hann_window(75)
    kernel = kernel / kernel.square().sum().sqrt()
    slow = torch.nn.functional.conv1d(noise.T[:, None], kernel[None, None])[:, 0].T[:frames]
    size = torch.tensor([0.02, 0.02, 0.01, 0.02, 0.01, 0.0, 0.03, 0.02])
    return slow * size
