"""A pool of sounds with their features; motion and style are drawn anew each time a sound is used."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import torch

from talk_motion.features import extract_features
from talk_motion.space import MotionSpace
from talk_motion.training.infilling_batch import Batch, hide_sound, infilling_batch

from .clips import draw_sound
from .corpus import Corpus
from .mouth import FPS, LipGap, Phones, expression, lip_path
from .phones import PAUSE, PHONES
from .style import random_style

NUMBERS = {symbol: number for number, symbol in enumerate((PAUSE, *PHONES))}


def numbered(phones: Phones, frames: int) -> np.ndarray:
    """Which phone sounds in the middle of each feature frame, (2 frames,) by `NUMBERS`."""
    middle = (np.arange(2 * frames) + 0.5) / (2 * FPS)
    which = np.searchsorted([end for _, _, end in phones], middle).clip(max=len(phones) - 1)
    return np.array([NUMBERS[symbol] for symbol, _, _ in phones])[which]


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
            hide_sound(audio[i], random)
        drawn = np.stack([self.motion(int(n), gap, random) for n in numbers])
        motion = space.to_motion(torch.from_numpy(drawn).float())
        said = np.stack([numbered(self._phones[n], self.frames) for n in numbers])
        exact = torch.ones(size, dtype=torch.bool)
        return infilling_batch(audio, motion, generator, exact=exact, phones=torch.from_numpy(said))
