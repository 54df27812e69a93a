"""Clips that nobody marked: every seed has its own content, size, shading, colour, movement and noise.

Kinds of content take turns: a head before a wall (as in renders), leaves over leaves (discs of all sizes that
cover each other have the edges of photographs: Lee, Mumford and Huang 2001), clouds (noise whose power falls with
frequency), weaves (a pattern that comes again and again, as the watermark does) and writing (rows of strokes).
Sides are 144 to 320 pixels, each its own: how often chance looks like a mark does not depend on them.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bench.trust_clips import Pictures, clip, cloud

SIDES = range(144, 321, 16)
Size = tuple[int, int]


def scene(seed: int, count: int) -> Pictures:
    """A clip without a mark, (height, width, 3) uint8 each, both multiples of 16."""
    rng = np.random.default_rng(seed)
    size = height, width = int(rng.choice(SIDES)), int(rng.choice(SIDES))
    kind = KINDS[seed % len(KINDS)]
    if kind is None:
        down, right = (int(rng.integers(512 - side)) for side in size)
        frames = clip(seed, count)
        return [np.ascontiguousarray(frame[down : down + height, right : right + width]) for frame in frames]
    grey = kind(rng, size) + cloud(rng, 3, rng.uniform(0, 20), 0.0)[:height, :width]
    colour, noise, moves = rng.uniform(0.7, 1, 3), rng.uniform(0, 4), rng.integers(-3, 4, 2)
    pictures = []
    for index in range(count):
        moved = np.roll(grey, index * moves, (0, 1)) + rng.normal(0, noise, size)
        pictures.append(np.clip(moved[..., None] * colour, 0, 255).astype(np.uint8))
    return pictures


def _leaves(rng: np.random.Generator, size: Size) -> np.ndarray:
    grey = np.full(size, rng.uniform(30, 220))
    smallest, largest = 3.0, 90.0
    # Inverse of the distribution of radii whose density falls with their third power.
    radii = 1 / np.sqrt(rng.uniform(largest**-2, smallest**-2, 300))
    rough = rng.normal(0, rng.uniform(0, 6), size)
    for radius in radii:
        middle = rng.uniform(-20, 20, 2) + rng.uniform(0, 1, 2) * size
        low = np.maximum(middle - radius, 0).astype(int)
        high = np.maximum(np.minimum(middle + radius + 1, size), low).astype(int)
        rows, columns = np.ogrid[low[0] : high[0], low[1] : high[1]]
        inside = (rows - middle[0]) ** 2 + (columns - middle[1]) ** 2 < radius**2
        grey[low[0] : high[0], low[1] : high[1]][inside] = rng.uniform(10, 240)
    return grey + rough


def _clouds(rng: np.random.Generator, size: Size) -> np.ndarray:
    rows, columns = np.fft.fftfreq(size[0])[:, None], np.fft.rfftfreq(size[1])
    frequency = np.hypot(rows * rng.uniform(0.5, 2), columns) + 1 / max(size)
    spectrum = np.fft.rfft2(rng.normal(0, 1, size)) / frequency ** rng.uniform(0.6, 2)
    spectrum[0, 0] = 0
    noise = np.fft.irfft2(spectrum, size)
    return rng.uniform(60, 190) + rng.uniform(5, 50) * noise / noise.std()


def _weave(rng: np.random.Generator, size: Size) -> np.ndarray:
    height, width = (int(side) for side in rng.integers(6, 129, 2))
    thread = cloud(rng, int(rng.integers(16, 200)), rng.uniform(3, 40), rng.uniform(60, 190))[:height, :width]
    return np.tile(thread, (-(-size[0] // height), -(-size[1] // width)))[: size[0], : size[1]]


def _writing(rng: np.random.Generator, size: Size) -> np.ndarray:
    paper, ink = rng.uniform(180, 255), rng.uniform(0, 90)
    grey = np.full(size, paper)
    line, stroke = int(rng.integers(8, 30)), int(rng.integers(1, 4))
    for top in range(int(rng.integers(line)), size[0], line):
        for left in range(int(rng.integers(line)), size[1], stroke * 3):
            if rng.random() < 0.8:  # else it is a space
                start, end = np.sort(rng.integers(0, line * 2 // 3 + 1, 2))
                across = stroke * 2 if rng.random() < 0.4 else stroke
                grey[top + start : top + end + 1, left : left + across] = ink
    return grey


KINDS: tuple[Callable[[np.random.Generator, Size], np.ndarray] | None, ...] = (
    None,  # a head: the clips that are marked elsewhere
    _leaves,
    _clouds,
    _weave,
    _writing,
)
