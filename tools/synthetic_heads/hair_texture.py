"""Paints hair: strands, locks, and their ragged ends. The shape is in hair.py."""

from dataclasses import dataclass

import cv2
import numpy as np

from synthetic_heads.atlas import HAIR, Atlas
from synthetic_heads.noise import fractal, smoothstep, streaks

STYLES = ("bald", "buzz", "short", "swept", "fringe", "bob", "long", "curly")


@dataclass(frozen=True)
class HairLook:
    """Hair of one person.

    Attributes:
        style: One of STYLES.
        colour, light: sRGB of the strands and of lighter strands.
        volume: dm, about 0.15.
        hairline: dm over the forehead's rim.
        parting: -1 (subject's right) .. 1 (left).
        curl: Waviness in [0, 1].
        length: dm below the chin's level that long hair reaches.
    """

    style: str
    colour: np.ndarray
    light: np.ndarray
    volume: float
    hairline: float
    parting: float
    curl: float
    length: float


def paint_hair(atlas: Atlas, look: HairLook, rng: np.random.Generator) -> None:
    """Strands from the root (top row) to the tip (bottom row), the tips ragged; alpha is opacity."""
    height, width = HAIR.height, HAIR.width
    rows = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    fine = streaks(rng, height, width, 1.3, 120) * 0.6 + streaks(rng, height, width, 2.6, 160) * 0.8
    lock = streaks(rng, height, width, 8, 200) * 0.55 + streaks(rng, height, width, 26, 300) * 0.45
    if look.style == "curly":
        lock = 0.8 * fractal(rng, height, width, 18, 3, 0.7)
    bend = look.curl * (7 * fractal(rng, height, width, 120, 2) + 1.2 * fractal(rng, height, width, 30, 2))
    maps = (x + bend.astype(np.float32), y)
    strands, locks = (
        cv2.remap(p, *maps, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT) for p in (fine, lock)
    )
    tone = np.clip(1 + 0.26 * strands + 0.16 * locks, 0.25, 2.2)
    colour = look.colour.astype(np.float32) * tone[..., None]
    weight = smoothstep(0.9, 2.4, strands + 0.6 * locks) * 0.75
    colour += (look.light.astype(np.float32) - colour) * weight[..., None]
    colour *= (0.78 + 0.24 * smoothstep(0.0, 0.35, rows) + 0.06 * smoothstep(0.6, 1.0, rows))[..., None]
    atlas.paint(HAIR, np.clip(colour, 0.004, 1), _tips(look, rng, rows))


def _tips(look: HairLook, rng: np.random.Generator, rows: np.ndarray) -> np.ndarray:
    """Opacity (H, W): strands end at different lengths; where hair is combed back the edge is its roots."""
    height, width = HAIR.height, HAIR.width
    along = np.abs((np.arange(width) / width + 0.5) % 1 - 0.5) * 2 * np.pi  # 0 at the parting, pi behind
    back = {"short": 0.55, "swept": 0.8}.get(look.style, 0.0)
    combed = np.exp(-((along / 0.75) ** 4)) if look.style in ("bob", "long") else np.full(width, back)
    fine = streaks(rng, height, width, 2.0, 900)
    clump = streaks(rng, height, width, 24, 900) + 0.7 * streaks(rng, height, width, 9, 900)
    length = 0.93 + (0.030 * fine + 0.024 * clump) * (1 - 0.75 * combed)[None]
    soft = 0.03 + 0.05 * combed[None]
    alpha = smoothstep(0.0, 1.0, (np.clip(length, 0.7, 1.0) - rows) / soft)
    thin = smoothstep(0.75, 1.0, rows) * smoothstep(0.7, 1.6, -fine) * (1 - combed)[None]
    return alpha * (1 - 0.7 * thin)
