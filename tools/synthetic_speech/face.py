"""A whole talking face: the mouth of `mouth`, and blinks, brows, eyes and head of the style."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

from .mouth import FPS, LipGap, Phones, expression, lip_path, loudness_100hz
from .style import TalkingStyle

BLINK = np.array([0.35, 0.9, 1.0, 0.85, 0.55, 0.3, 0.12])  # 25 fps: closes in 80 ms, opens in 160 ms


@dataclass(frozen=True)
class Face:
    """expression (T, 64), euler (T, 3) rad, translation (T, 3) dm, gaze (T, 2) rad (down, to the left)."""

    expression: np.ndarray
    euler: np.ndarray
    translation: np.ndarray
    gaze: np.ndarray


def talking_face(
    phones: Phones,
    samples: np.ndarray,
    sample_rate: int,
    style: TalkingStyle,
    gap: LipGap,
    random: np.random.Generator,
) -> Face:
    """Draws a face that says the phones; as many frames as the sound has whole pictures.

    Args:
        phones: tiling the sound, in seconds.
        samples: the sound (n,), for loudness: loud syllables open wider and nod.
        sample_rate: of the sound in Hz.
        style: the speaker.
        gap: lip gap of the face model.
        random: draws everything that neither sound nor style decides.
    """
    frames = samples.size * FPS // sample_rate
    loudness = loudness_100hz(samples, sample_rate)
    path = lip_path(phones, frames / FPS, style, random, loudness)
    shapes = expression(path, style, gap, random)[:frames]
    beat = gaussian_filter1d(np.clip(10 ** (loudness / 20), 0, 1.5), 12)[:: 100 // FPS][:frames]
    beat = np.pad(beat, (0, frames - beat.size), mode="edge") - beat.mean()

    def slow(cutoff: float, size: float) -> np.ndarray:
        sigma = FPS / (2 * np.pi * cutoff)
        noise = gaussian_filter1d(random.normal(size=frames + int(8 * sigma)), sigma)[int(4 * sigma) :][
            :frames
        ]
        return size * noise * np.sqrt(2 * np.sqrt(np.pi) * sigma)

    euler = np.stack(
        [
            slow(0.5, 0.6 * style.nod) + 0.8 * style.nod * beat,
            slow(0.35, style.turn),
            slow(0.3, 0.4 * style.turn),
        ],
        axis=1,
    )
    translation = np.stack([slow(0.3, 0.03), slow(0.3, 0.02), slow(0.3, 0.03)], axis=1)
    gaze = _looks(frames, style.gaze, random)
    closed = _blinks(frames, style.blinks, random)
    for side in ("Left", "Right"):
        shapes[:, gap.index("eyeBlink" + side)] = closed
        shapes[:, gap.index("eyeLookDown" + side)] = np.clip(gaze[:, 0] / 0.5, 0, 1)
        shapes[:, gap.index("eyeLookUp" + side)] = np.clip(-gaze[:, 0] / 0.5, 0, 1)
    raised = np.clip(style.brow * (2 * beat + slow(0.4, 0.5)), 0, 1)
    for name in ("browInnerUp", "browOuterUpLeft", "browOuterUpRight"):
        shapes[:, gap.index(name)] = raised
    return Face(shapes, euler, translation, gaze)


def _blinks(frames: int, per_minute: float, random: np.random.Generator) -> np.ndarray:
    out = np.zeros(frames + BLINK.size)
    at = random.uniform(0, 60 / per_minute)
    while at * FPS < frames:
        start = int(at * FPS)
        out[start : start + BLINK.size] = np.maximum(out[start : start + BLINK.size], BLINK)
        at += max(0.4, 60 / per_minute * np.exp(random.normal(-0.125, 0.5)))
    return out[:frames]


def _looks(frames: int, size: float, random: np.random.Generator) -> np.ndarray:
    """Eyes rest on a point for about a second and jump to the next; every other point is the camera."""
    out = np.zeros((frames, 2))
    at, target = 0, np.zeros(2)
    while at < frames:
        stay = int(FPS * random.uniform(0.5, 2.5))
        out[at : at + stay] = target
        at += stay
        target = np.zeros(2) if random.random() < 0.5 else random.normal(0, size, 2) * (0.6, 1.0)
    return gaussian_filter1d(out, 0.6, axis=0)
