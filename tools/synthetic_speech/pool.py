"""A pool of sounds with their features; motion and style are drawn anew each time a sound is used."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from talk_motion.features import extract_features
from talk_motion.flow import infill_mask
from talk_motion.space import MotionSpace

from .clips import draw_sound
from .corpus import Corpus
from .mouth import FPS, LipGap, expression, lip_path
from .style import random_style


@dataclass(frozen=True)
class Batch:
    """audio (B, 2T, 67), motion (B, T, M) to reach, seen (B, T, M) as a tracker would give it, hidden (B,
    T)."""

    audio: Tensor
    motion: Tensor
    seen: Tensor
    hidden: Tensor


class Pool:
    """Features (N, 2T, 67) float16 with phones and loudness; a batch is a pure function of (seed, step)."""

    def __init__(self, folder: Path) -> None:
        about = json.loads((folder / "pool.json").read_text())
        self.frames, self._phones = about["frames"], about["phones"]
        self._features = np.load(folder / "features.npy", mmap_mode="r")
        self._loudness = np.load(folder / "loudness.npy", mmap_mode="r")

    def __len__(self) -> int:
        return len(self._phones)

    @classmethod
    def build(cls, corpus: Corpus, folder: Path, count: int, frames: int, seed: int) -> Pool:
        """Draws `count` sounds of `frames` motion frames and keeps their features in `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        began = time.monotonic()
        features = np.zeros((count, 2 * frames, 67), np.float16)
        loudness = np.zeros((count, 4 * frames), np.float16)
        phones = []
        for i in range(count):
            sound = draw_sound(corpus, frames, np.random.default_rng([seed, i]))
            features[i] = extract_features(sound.samples, frames=frames).stack().numpy()
            loudness[i, : sound.loudness.size] = sound.loudness[: 4 * frames]
            phones.append(sound.phones)
            if i % 200 == 199:
                left = (time.monotonic() - began) / (i + 1) * (count - i - 1)
                print(f"pool: {i + 1} of {count} sounds, {left:.0f} s left", flush=True)
        np.save(folder / "features.npy", features)
        np.save(folder / "loudness.npy", loudness)
        (folder / "pool.json").write_text(json.dumps({"frames": frames, "seed": seed, "phones": phones}))
        return cls(folder)

    def motion(self, number: int, gap: LipGap, random: np.random.Generator) -> np.ndarray:
        """A mouth for sound `number` in a random style: (T, 64)."""
        style = random_style(random)
        path = lip_path(
            self._phones[number], self.frames / FPS, style, random, self._loudness[number].astype(float)
        )
        return expression(path, style, gap, random)[: self.frames]

    def batch(self, seed: int, step: int, size: int, space: MotionSpace, gap: LipGap) -> Batch:
        """Draws a batch: sounds, styles, faults of tracking, masks of sound and motion."""
        random = np.random.default_rng([seed, step])
        generator = torch.Generator().manual_seed(int(random.integers(2**62)))
        numbers = random.integers(len(self), size=size)
        audio = torch.from_numpy(np.stack([self._features[n] for n in numbers]).astype(np.float32))
        for i in range(size):
            _hide_sound(audio[i], random)
        drawn = np.stack([self.motion(int(n), gap, random) for n in numbers])
        motion = space.to_motion(torch.from_numpy(drawn).float())
        hidden = torch.stack([infill_mask(self.frames, generator) for _ in range(size)])
        # A tracker knows a stranger's neutral face only roughly, so motion is relative to the mean of the
        # prompt.
        known = torch.where(hidden.all(dim=1, keepdim=True), True, ~hidden).unsqueeze(-1)
        motion = motion - (motion * known).sum(dim=1, keepdim=True) / known.sum(dim=1, keepdim=True)
        noise = torch.randn(motion.shape, generator=generator)
        slow = torch.nn.functional.avg_pool1d(noise.transpose(1, 2), 15, 1, 7).transpose(1, 2) * 15**0.5
        level = torch.rand(size, 1, 1, generator=generator) * 0.3
        seen = motion + level * (0.6 * torch.randn(motion.shape, generator=generator) + slow)
        return Batch(audio, motion, seen, hidden)


def _hide_sound(audio: Tensor, random: np.random.Generator) -> None:
    """Blanks bands and moments of the sound and warps its mel axis, in place (SpecAugment, Park et al.
    2019)."""
    shift, stretch = random.uniform(-2, 2), random.uniform(0.94, 1.06)
    at = torch.arange(64) * stretch + shift
    low = at.floor().clamp(0, 62).long()
    part = (at - low).clamp(0, 1)
    audio[:, :64] = audio[:, low] * (1 - part) + audio[:, low + 1] * part
    for _ in range(random.integers(0, 3)):
        width = int(random.integers(2, 12))
        start = int(random.integers(0, 64 - width))
        audio[:, start : start + width] = 0
    for _ in range(random.integers(0, 4)):
        width = int(random.integers(2, 12))
        start = int(random.integers(0, audio.shape[0] - width))
        audio[start : start + width, :64] = 0
    if random.random() < 0.3:
        audio[:, 64] = 0  # pitch tracking fails
    audio[:, :64] += torch.from_numpy(
        random.normal(0, random.uniform(0, 0.3), (audio.shape[0], 64)).astype(np.float32)
    )
