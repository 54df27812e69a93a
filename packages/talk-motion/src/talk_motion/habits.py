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
USUAL_POSE = 1500  # frames of calm motion that are imitated for want of a prompt
SHORTEST_PROMPT = 25  # frames from which slow motion can be copied


class Surrogate:
    """Endless motion with the spectrum of a short one.

    Args:
        reference: (P, C) motion to imitate.
        generator: draws pieces and phases.
    """

    def __init__(self, reference: Tensor, generator: torch.Generator) -> None:
        self._reference, self._generator = reference, generator
        self._mean = reference.mean(dim=0)
        length, channels = reference.shape
        self._piece = min(PIECE, length) // 2 * 2
        # Squares of neighbours add to one.
        self._fade = torch.sin((torch.arange(self._piece) + 0.5) * math.pi / self._piece)[:, None]
        self._ready = torch.zeros(0, channels)
        self._coming = torch.zeros(self._piece, channels)  # from the end of what is ready on
        if length >= SHORTEST_PROMPT:
            self._advance(2)
            self._ready = self._ready[self._piece :]  # before, pieces have no neighbour

    def take(self, frames: int) -> Tensor:
        """The next (frames, C), within the range of the reference."""
        if len(self._reference) < SHORTEST_PROMPT:
            return self._mean.expand(frames, -1).clone()
        self._advance(-(-max(0, frames - len(self._ready)) // (self._piece // 2)))
        drawn, self._ready = self._mean + self._ready[:frames], self._ready[frames:].clone()
        return torch.minimum(torch.maximum(drawn, self._reference.amin(dim=0)), self._reference.amax(dim=0))

    def _advance(self, count: int) -> None:
        """Adds `count` pieces, each of which makes half its length ready."""
        hop, parts = self._piece // 2, [self._ready]
        for _ in range(count):
            first = int(
                torch.randint(len(self._reference) - self._piece + 1, (1,), generator=self._generator)
            )
            spectrum = torch.fft.rfft(self._reference[first : first + self._piece] - self._mean, dim=0)
            phase = torch.rand(spectrum.shape[0], 1, generator=self._generator) * 2 * math.pi
            phase[0] = 0.0
            turned = torch.fft.irfft(
                spectrum * torch.polar(torch.ones_like(phase), phase), n=self._piece, dim=0
            )
            summed = self._coming + self._fade * turned
            parts.append(summed[:hop])
            self._coming = torch.cat([summed[hop:], torch.zeros_like(summed[:hop])])
        self._ready = torch.cat(parts)


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


class Blinks:
    """Endless blinks at a prompt's rate, each of them complete; 15 a minute without a prompt.

    Args:
        prompt: motion of the person.
        generator: draws when they blink.
    """

    def __init__(self, prompt: MotionSequence | None, generator: torch.Generator) -> None:
        interval = USUAL_INTERVAL
        if prompt is not None:
            # One usual blink is added: short prompts say little, long ones speak for themselves.
            peaks = find_blinks(prompt.blink)
            interval = (prompt.frames / prompt.fps + USUAL_INTERVAL) / (len(peaks) + 1)
        self._interval = min(max(interval, 1.5), 12.0)
        self._generator = generator
        self._at = float(torch.rand(1, generator=generator)) * self._interval  # seconds from the next frame
        self._begun = torch.zeros(0)  # of a blink that was begun and goes on

    def take(self, frames: int) -> Tensor:
        """The next (frames,), 0 open to 1 closed."""
        out = torch.zeros(frames + len(USUAL_BLINK))
        out[: len(self._begun)] = self._begun
        while self._at * 25 < frames:
            start = int(self._at * 25)
            part = out[start : start + len(USUAL_BLINK)]
            part.copy_(torch.maximum(part, USUAL_BLINK))
            spread = float(torch.randn(1, generator=self._generator))
            # Log-normal with mean `interval`.
            self._at += max(0.4, self._interval * math.exp(0.5 * spread - 0.125))
        self._at -= frames / 25
        self._begun = out[frames:].clone()
        return out[:frames]


class Pose:
    """Endless motion of head and eyes in the prompt's manner, or calm motion for want of one.

    Args:
        prompt: motion of the person.
        generator: draws the motion.
        still: hold the prompt's mean pose instead.
    """

    def __init__(
        self, prompt: MotionSequence | None, generator: torch.Generator, still: bool = False
    ) -> None:
        if prompt is None:
            reference = _usual_pose(USUAL_POSE, generator)
            reference -= reference.mean(dim=0)
        else:
            reference = torch.cat([prompt.euler, prompt.translation, prompt.gaze], dim=1)
        # Of a single frame all that can be imitated is its mean.
        self._surrogate = Surrogate(reference.mean(dim=0, keepdim=True) if still else reference, generator)

    def take(self, frames: int) -> tuple[Tensor, Tensor, Tensor]:
        """The next head rotation, head translation (frames, 3) and gaze (frames, 2)."""
        drawn = self._surrogate.take(frames)
        return drawn[:, :3], drawn[:, 3:6], drawn[:, 6:]


def _usual_pose(frames: int, generator: torch.Generator) -> Tensor:
    """Calm motion for want of a prompt: slow noise of 0.02 rad."""
    noise = torch.randn(frames + 100, 8, generator=generator)
    kernel = torch.hann_window(75)
    kernel = kernel / kernel.square().sum().sqrt()
    slow = torch.nn.functional.conv1d(noise.T[:, None], kernel[None, None])[:, 0].T[:frames]
    size = torch.tensor([0.02, 0.02, 0.01, 0.02, 0.01, 0.0, 0.03, 0.02])
    return slow * size
