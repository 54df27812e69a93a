"""The sound of a training clip: several sentences, one or more voices, recorded as people record."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .augment import SAMPLE_RATE, change_speed, degrade
from .corpus import Corpus
from .mouth import FPS, Phones, loudness_100hz
from .phones import PAUSE

FRAME = SAMPLE_RATE // FPS


@dataclass(frozen=True)
class Sound:
    """Samples (frames * 640,), the phones in them, loudness at 100 Hz before anything was added, and the
    voices."""

    samples: np.ndarray
    phones: Phones
    loudness: np.ndarray
    voices: tuple[str, ...]


def draw_sound(corpus: Corpus, frames: int, random: np.random.Generator, clean: bool = False) -> Sound:
    """Draws the sound of one training clip.

    Half of the clips change the voice on the way (a prompt must work for another speaker's sound), one in
    twelve is silence or noise throughout.

    Args:
        corpus: where sentences come from.
        frames: length in motion frames (25 fps).
        random: draws everything.
        clean: leave out rooms, noise and equalisers.
    """
    total = frames * FRAME
    sound, phones, voices = _speech(corpus, total, random)
    if not clean and random.random() < 1 / 12:
        sound, phones = sound * 0, ((PAUSE, 0.0, total / SAMPLE_RATE),)
    loudness = loudness_100hz(sound, SAMPLE_RATE)
    if not clean and sound.any():
        sound = degrade(sound, random, corpus[int(random.integers(len(corpus)))].samples / 32768.0)
    elif not clean and random.random() < 0.5:
        sound = random.normal(size=total) * 10 ** random.uniform(-4, -1)
    return Sound(sound.astype(np.float32), phones, loudness, voices)


def _speech(
    corpus: Corpus, total: int, random: np.random.Generator
) -> tuple[np.ndarray, Phones, tuple[str, ...]]:
    sound = np.zeros(total, np.float32)
    phones: list[tuple[str, float, float]] = []
    voices: list[str] = []
    names = list(corpus.voices)
    voice, factor, level = names[random.integers(len(names))], _factor(random), 1.0
    change = random.random() < 0.5
    # The first sentence starts anywhere in itself, so that clips do not all begin with an onset.
    at = (
        -int(random.uniform(0, 2) * SAMPLE_RATE)
        if random.random() < 0.7
        else int(random.uniform(0, 1) * SAMPLE_RATE)
    )
    while at < total:
        if change and random.random() < 0.3:
            voice, factor, level = (
                names[random.integers(len(names))],
                _factor(random),
                random.uniform(0.5, 1.0),
            )
        item = corpus[int(random.choice(corpus.voices[voice]))]
        piece = change_speed(item.samples.astype(np.float32) / 32768, factor) * level
        speed = item.samples.size / piece.size
        begin, end = max(0, at), min(total, at + piece.size)
        if end > begin:
            sound[begin:end] += piece[begin - at : end - at]
            phones += [
                (
                    s,
                    max(0.0, a / speed + at / SAMPLE_RATE),
                    min(total / SAMPLE_RATE, b / speed + at / SAMPLE_RATE),
                )
                for s, a, b in item.phones
            ]
            voices.append(item.voice)
        pause = random.exponential(0.25) if random.random() < 0.85 else random.uniform(0.5, 2.5)
        at += piece.size + int(pause * SAMPLE_RATE)
    return sound, _fill(phones, total / SAMPLE_RATE), tuple(voices)


def _factor(random: np.random.Generator) -> float:
    return float(np.exp(np.clip(random.normal(0, 0.08), -0.17, 0.17)))


def _fill(phones: list[tuple[str, float, float]], duration: float) -> Phones:
    """Pauses where nothing is spoken; neighbouring pauses become one, so that a pause has one breath at
    most."""
    out: list[tuple[str, float, float]] = []
    at = 0.0
    for symbol, start, end in [p for p in phones if p[2] > p[1]] + [(PAUSE, duration, duration)]:
        if start > at + 1e-4 or (symbol == PAUSE and end > at):
            stop = max(start, end if symbol == PAUSE else start)
            if out and out[-1][0] == PAUSE:
                out[-1] = (PAUSE, out[-1][1], stop)
            else:
                out.append((PAUSE, at, stop))
        if symbol != PAUSE:
            out.append((symbol, max(start, at), end))
        at = max(at, end)
    return tuple(out)
