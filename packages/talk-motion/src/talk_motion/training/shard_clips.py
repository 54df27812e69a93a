"""Batches out of folders of shards, each a pure function of (seed, step)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from talk_motion.motion import EYE_BLINK
from talk_motion.space import MotionSpace
from talk_motion.training.infilling_batch import Batch, hide_sound, infilling_batch
from talk_motion.training.speech_shards import SpeechShards

SHUT = 0.5  # of the eyeBlink shapes, from which eyes count as shut
WIDEST = 0.9  # quantile of a clip's lip gap that is its size of mouth movements
OPENING_UNIT = 0.1  # heights of the face; people who talk then lie at about 0.3 to 1


@dataclass(frozen=True)
class ShardClips:
    """Clips for the small models.

    Attributes:
        shards: where they come from.
        space: motion channels.
        hides_sound: whether bands and moments of the sound are blanked, as augmentation.
    """

    shards: SpeechShards
    space: MotionSpace
    hides_sound: bool = True

    def __call__(self, seed: int, step: int, size: int) -> Batch:
        """Clips with motion to fill in, for stage "a2m"."""
        random, audio, motion, exact, phones = self._drawn(seed, step, size)
        generator = torch.Generator().manual_seed(int(random.integers(2**62)))
        return infilling_batch(audio, motion, generator, exact=exact, phones=phones)

    def pairs(self, seed: int, step: int, size: int) -> tuple[Tensor, Tensor]:
        """Features (B, 2T, 67) and motion (B, T, M), for stage "sync"."""
        _, audio, motion, *_ = self._drawn(seed, step, size)
        return audio, motion

    def _drawn(
        self, seed: int, step: int, size: int
    ) -> tuple[np.random.Generator, Tensor, Tensor, Tensor, Tensor | None]:
        random, named = np.random.default_rng([seed, step]), bool(self.shards.phones)
        names = ("audio", "expression", *(("phones",) if named else ()))
        drawn = [self.shards.draw(random, names) for _ in range(size)]
        audio = torch.stack([parts["audio"] for parts, _ in drawn])
        if self.hides_sound:
            for one in audio:
                hide_sound(one, random)
        motion = self.space.to_motion(torch.stack([parts["expression"] for parts, _ in drawn]))
        phones = torch.stack([parts["phones"] for parts, _ in drawn]).long() if named else None
        return random, audio, motion, torch.tensor([exact for _, exact in drawn]), phones


@dataclass(frozen=True)
class FullBatch:
    """Training clips of the published sizes.

    Attributes:
        audio: (B, 2T, 67), what the sync expert hears.
        content, pitch: (B, 2T, C) and (B, 2T) Hz, what the networks hear.
        blink: (B, 2T) int64, 1 where the eyes are shut.
        mouth_opening: (B,) 0.9 quantile of each clip's lip gap, in tenths of the height of the face.
        expression: (B, T, 64).
    """

    audio: Tensor
    content: Tensor
    pitch: Tensor
    blink: Tensor
    mouth_opening: Tensor
    expression: Tensor


def full_batch(shards: SpeechShards, gap: Tensor, seed: int, step: int, size: int) -> FullBatch:
    """Clips for stages "a2m" of the preset `full` and "a2m-vae".

    Args:
        shards: with content.
        gap: (64,) lip gap in face heights = expression @ gap.
        seed, step, size: of the batch.
    """
    random = np.random.default_rng([seed, step])
    names = ("audio", "content", "pitch", "expression")
    drawn = [shards.draw(random, names)[0] for _ in range(size)]
    audio, content, pitch, expression = (torch.stack([parts[name] for parts in drawn]) for name in names)
    shut = expression[..., EYE_BLINK].mean(dim=-1) > SHUT
    opening = (expression @ gap).quantile(WIDEST, dim=1) / OPENING_UNIT
    return FullBatch(audio, content, pitch, shut.long().repeat_interleave(2, dim=1), opening, expression)
