"""From timed sounds to lip motion: dominance co-articulation, then ARKit shapes with an exact lip gap.

Every sound pulls the lips towards its target with a dominance that is flat over its middle and dies away
outside (Cohen & Massaro 1993, "Modeling coarticulation in synthetic visual speech", eq. 1-3). Lips that
must touch close whatever the neighbours want.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

from .phones import PAUSE, PHONES, Lips
from .style import TalkingStyle

RATE = 100  # simulation steps per second
FPS = 25
Phones = tuple[tuple[str, float, float], ...]


@dataclass(frozen=True)
class LipGap:
    """What the lip opening is in a face model: gap = expression @ row, in face heights, with its shape
    names."""

    row: np.ndarray  # (64,)
    names: tuple[str, ...]  # first 52 entries of row

    def index(self, name: str) -> int:
        return self.names.index(name)


@dataclass(frozen=True)
class LipPath:
    """Articulation over time at 100 Hz, each (n,): aperture 0..1 and the other lip motions 0..1."""

    aperture: np.ndarray
    jaw: np.ndarray
    rounding: np.ndarray
    spreading: np.ndarray
    pressed: np.ndarray
    biting: np.ndarray


def lip_path(
    phones: Phones,
    duration: float,
    style: TalkingStyle,
    random: np.random.Generator,
    loudness: np.ndarray | None = None,
) -> LipPath:
    """Co-articulates.

    Args:
        phones: (IPA symbol or "" for a pause, start, end) in seconds, tiling the sound.
        duration: seconds of motion wanted.
        style: the speaker.
        random: draws what sounds do not explain (jitter, wander, breaths).
        loudness: dB relative to the speech level at 100 Hz, for loud vowels to open wider.
    """
    count = max(1, round(duration * RATE))
    time = (np.arange(count) + 0.5) / RATE + style.lead  # the mouth now does what will be heard `lead` later
    if not phones:
        phones = ((PAUSE, 0.0, duration),)
    lips = [_personal(symbol, style, random) for symbol, _, _ in phones]
    start, end = np.array([p[1] for p in phones]), np.array([p[2] for p in phones])
    middle, length = (start + end) / 2, end - start
    spoken = np.array([bool(p[0]) for p in phones])
    if loudness is not None and loudness.size:
        at = np.clip((middle * RATE).astype(int), 0, loudness.size - 1)
        louder = np.clip(10 ** (style.loudness * loudness[at] / 20), 0.4, 1.5)
    else:
        louder = np.ones(len(phones))
    vowel = np.array([lip.vowel for lip in lips])
    gain = np.where(vowel, louder * np.exp(random.normal(0, style.jitter, len(phones))), 1.0)
    weight = np.array([lip.weight for lip in lips])
    outside = np.abs(time[:, None] - middle) - 0.35 * np.where(spoken, length, length * 1.2)
    outside = np.maximum(0, outside).astype(np.float32)
    outside *= np.sqrt(outside)  # dominance falls as exp(-x^1.5), between an exponential and a bell

    def blend(targets: np.ndarray, reach: float) -> np.ndarray:
        pull = weight.astype(np.float32) * np.exp(outside * np.float32(-(reach**-1.5))) + 1e-9
        return gaussian_filter1d((pull @ targets) / pull.sum(axis=1), style.smooth * RATE)

    def of(name: str) -> np.ndarray:
        return np.array([getattr(lip, name) for lip in lips])

    slow = 1 + style.wander * _noise(count, 1.5, random)
    aperture = blend(of("aperture") * gain, style.reach) * slow
    jaw = blend(of("jaw") * gain, 1.3 * style.reach) * slow
    rounding = blend(of("rounding"), 1.6 * style.reach)
    spreading = blend(of("spreading"), 1.3 * style.reach)
    shut = of("shut")
    closing = _closing(time, start, end, shut * np.where(shut >= 1, style.shut, 1.0))
    pressed = _closing(time, start, end, (shut >= 1).astype(float))
    biting = _closing(time, start, end, ((shut > 0.8) & (shut < 1)).astype(float))
    aperture = np.clip(aperture, 0, 1.6) ** style.curve * (1 - closing)
    return LipPath(aperture, np.clip(jaw, 0, 1.6), rounding, spreading, pressed, biting)


def expression(path: LipPath, style: TalkingStyle, gap: LipGap, random: np.random.Generator) -> np.ndarray:
    """ARKit shapes at 25 fps whose lip gap is exactly `style.gap * aperture`.

    Args:
        path: articulation at 100 Hz.
        gap: the lip gap of the face model.

    Returns:
        (T, 64) mouth and jaw shapes, everything else 0.
    """
    group = RATE // FPS
    frames = len(path.aperture) // group

    def down(x: np.ndarray) -> np.ndarray:  # mean over the exposure of one picture
        return x[: frames * group].reshape(frames, group).mean(axis=1)

    aperture, jaw, rounding = down(path.aperture), down(path.jaw), down(path.rounding) * style.rounding
    spreading, pressed, biting = down(path.spreading) * style.spreading, down(path.pressed), down(path.biting)
    smile = np.clip(style.smile + style.smile_swing * _noise(frames, 0.3 * RATE / FPS, random), 0, 1)
    out = np.zeros((frames, gap.row.size))

    def put(name: str, value: np.ndarray, symmetric: bool = True) -> None:
        if symmetric:
            out[:, gap.index(name)] = np.clip(value, 0, 1)
        else:
            out[:, gap.index(name + "Left")] = np.clip(value * (1 + style.asymmetry), 0, 1)
            out[:, gap.index(name + "Right")] = np.clip(value * (1 - style.asymmetry), 0, 1)

    wanted = style.gap * aperture
    lips = (1 - style.jaw_share) * wanted / 0.0265  # LowerDown and UpperUp together open 0.053 face heights
    put("mouthFunnel", 0.45 * rounding * (0.3 + aperture))
    put("mouthPucker", 0.6 * rounding * (1 - 0.4 * aperture))
    put("mouthStretch", 0.4 * spreading, False)
    put("mouthSmile", smile * (1 - 0.5 * rounding) + 0.15 * spreading, False)
    put("mouthDimple", 0.1 * spreading + 0.15 * smile, False)
    put("mouthLowerDown", lips + 0.1 * spreading, False)
    put("mouthUpperUp", 0.6 * lips + 0.25 * biting, False)
    put("mouthRollLower", 0.35 * biting + 0.3 * style.tension * pressed)
    put("mouthRollUpper", 0.25 * style.tension * pressed)
    put("mouthPress", 0.5 * style.tension * pressed, False)
    put("jawOpen", style.jaw_share * style.gap / gap.row[gap.index("jawOpen")] * jaw)
    _solve_gap(out, wanted, gap)
    return out


def loudness_100hz(samples: np.ndarray, sample_rate: int) -> np.ndarray:
    """Loudness in dB relative to the louder third of the clip, smoothed over 0.1 s, at 100 Hz."""
    hop = sample_rate // RATE
    power = (samples[: samples.size // hop * hop].reshape(-1, hop) ** 2).mean(axis=1)
    level = 10 * np.log10(gaussian_filter1d(power, 5) + 1e-9)
    return level - level[level >= np.quantile(level, 0.67)].mean() if level.size else level


def _solve_gap(out: np.ndarray, wanted: np.ndarray, gap: LipGap) -> None:
    """Closes what is too wide with mouthClose and opens what is too narrow with the jaw, in place."""
    close, jaw = gap.index("mouthClose"), gap.index("jawOpen")
    excess = out @ gap.row - wanted
    out[:, close] += np.maximum(excess, 0) / -gap.row[close]
    out[:, jaw] += np.maximum(-excess, 0) / gap.row[jaw]


def _personal(symbol: str, style: TalkingStyle, random: np.random.Generator) -> Lips:
    if symbol:
        lips = PHONES[symbol]
        if lips.shut:
            return lips
        offset = style.targets.get(symbol, 0.0)
        return Lips(
            max(0.05, lips.aperture + offset),
            max(0.03, lips.jaw + offset),
            lips.rounding,
            lips.spreading,
            lips.weight,
            lips.shut,
            lips.vowel,
        )
    open_by = style.breath * float(random.random() < style.breath_chance)
    return Lips(style.rest + open_by, style.rest + 0.7 * open_by, weight=0.6)


def _closing(
    time: np.ndarray, start: np.ndarray, end: np.ndarray, depth: np.ndarray, flank: float = 0.022
) -> np.ndarray:
    """0 open to 1 touching: flat over each closure, smooth flanks outside it."""
    out = np.zeros_like(time)
    for a, b, d in zip(start, end, depth, strict=True):
        if d > 0:
            # A closure shorter than a picture still has to be seen, so it lasts at least 60 ms.
            half = max((b - a) / 2, 0.03)
            rise = np.clip((half + 2 * flank - np.abs(time - (a + b) / 2)) / (2 * flank), 0, 1)
            out = np.maximum(out, d * rise * rise * (3 - 2 * rise))
    return out


def _noise(count: int, cutoff: float, random: np.random.Generator) -> np.ndarray:
    """Smooth noise of unit deviation whose swings last about 1 / cutoff seconds (at 100 steps per second)."""
    sigma = RATE / (2 * np.pi * cutoff)
    raw = gaussian_filter1d(random.normal(size=count + int(8 * sigma)), sigma)[int(4 * sigma) :][:count]
    return raw * np.sqrt(2 * np.sqrt(np.pi) * sigma)
