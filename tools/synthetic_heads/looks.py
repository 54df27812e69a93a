"""Draws what a person looks like: skin, hair, eyes, teeth, clothes, all from one random source."""

from dataclasses import dataclass

import numpy as np

from synthetic_heads.clothes import CUTS, PATTERNS, TorsoLook
from synthetic_heads.eyes import IRIS_COLOURS, EyeLook
from synthetic_heads.facial_hair import HAIR_COLOURS
from synthetic_heads.glasses import GlassesLook
from synthetic_heads.hair_texture import STYLES, HairLook
from synthetic_heads.head import SkullShape
from synthetic_heads.mouth import TeethLook
from synthetic_heads.skin import TONES, SkinLook

# How often each style is worn, in the order of STYLES.
LONGER = (0.04, 0.04, 0.10, 0.12, 0.15, 0.20, 0.27, 0.08)
SHORTER = (0.12, 0.13, 0.30, 0.22, 0.08, 0.01, 0.04, 0.10)


@dataclass(frozen=True)
class Looks:
    """All choices that make one person."""

    skull: SkullShape
    skin: SkinLook
    eyes: EyeLook
    teeth: TeethLook
    hair: HairLook
    torso: TorsoLook
    ear_size: float
    ear_tilt: float
    glasses: GlassesLook | None


class _Draw:
    """Short names for random numbers."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng

    def between(self, low: float, high: float) -> float:
        return float(self.rng.uniform(low, high))

    def about(self, centre: float, spread: float) -> float:
        return float(self.rng.normal(centre, spread))

    def chance(self, share: float) -> bool:
        return bool(self.rng.random() < share)


def random_looks(rng: np.random.Generator) -> Looks:
    """Draw all choices."""
    draw = _Draw(rng)
    position = draw.between(0, len(TONES) - 1)
    low = int(position)
    palette = np.array(TONES, np.float32) / 255
    tone = palette[low] + (palette[min(low + 1, len(TONES) - 1)] - palette[low]) * (position - low)
    tone = np.clip(tone * rng.normal(1, 0.025, 3), 0.12, 0.97)
    choice = rng.integers(0, 4 if position > 4.2 else len(HAIR_COLOURS))
    colour = np.array(HAIR_COLOURS[choice], np.float32) / 255 * draw.between(0.8, 1.2)
    feminine = draw.chance(0.5)
    style = str(rng.choice(STYLES, p=LONGER if feminine else SHORTER))
    hairline = draw.between(-0.06, 0.16)
    neck = draw.between(0.49, 0.55) if feminine else draw.between(0.55, 0.64)
    skull = SkullShape(draw.about(1, 0.025), draw.about(1, 0.025), draw.about(1, 0.02), neck)
    hair = HairLook(
        style=style,
        colour=colour,
        light=np.clip(colour * draw.between(1.3, 1.9) + draw.between(0.0, 0.06), 0, 1),
        volume=draw.between(0.08, 0.2),
        hairline=hairline,
        parting=draw.between(-1, 1),
        curl=draw.between(0, 1) ** 1.5,
        length=draw.between(0.2, 1.3),
    )
    return Looks(
        skull=skull,
        skin=_skin(draw, position, tone, hair, feminine),
        eyes=_eyes(draw, dark=position > 3.5, feminine=feminine),
        teeth=_teeth(draw),
        hair=hair,
        torso=_torso(draw, neck, feminine),
        ear_size=draw.between(0.82, 1.05),
        ear_tilt=draw.between(0.1, 0.45),
        glasses=_glasses(draw) if draw.chance(0.16) else None,
    )


def _skin(draw: _Draw, position: float, tone: np.ndarray, hair: HairLook, feminine: bool) -> SkinLook:
    make_up = draw.between(0.2, 1.0) if feminine and draw.chance(0.5) else 0.0
    lips = tone * np.array([0.88, 0.58, 0.58]) + np.array([0.05, 0.0, 0.01])
    painted = np.array([0.70, 0.16, 0.22]) * draw.rng.uniform(0.8, 1.2, 3)
    lips = lips * (1 - 0.7 * make_up) + 0.7 * make_up * painted
    bearded = not feminine and draw.chance(0.35)
    bare = 0.0 if draw.chance(0.5) else 0.25
    return SkinLook(
        tone=tone,
        lips=np.clip(lips, 0.05, 1),
        hair=hair.colour,
        mottling=draw.between(0.3, 1),
        pores=draw.between(0.5, 1.2),
        freckles=draw.between(0.2, 1) if position < 4 and draw.chance(0.25) else 0.0,
        lines=draw.between(0.1, 1.0) ** 1.5,
        blush=draw.between(0, 0.9),
        shine=draw.between(0.3, 1.2) * float(0.55 + 0.5 * tone[0]),
        under_eye=draw.between(0.05, 0.7),
        brow_width=draw.between(0.7, 1.35),
        brow_density=draw.between(0.6, 1.3),
        stubble=0.0 if feminine else draw.between(0, 0.8),
        beard=draw.between(0.3, 1.0) if bearded else 0.0,
        moustache=draw.chance(0.85),
        hairline=hair.hairline,
        scalp={"bald": bare, "buzz": 0.85}.get(hair.style, 1.0),
        lashes=draw.between(0.3, 1) if feminine else draw.between(0, 0.4),
        make_up=make_up,
    )


def _eyes(draw: _Draw, *, dark: bool, feminine: bool) -> EyeLook:
    iris = IRIS_COLOURS[draw.rng.integers(0, 3 if dark else len(IRIS_COLOURS))]
    return EyeLook(
        iris=np.array(iris, np.float32) / 255 * draw.between(0.85, 1.15),
        iris_angle=draw.between(0.46, 0.52),
        pupil=draw.between(0.3, 0.5),
        red=draw.between(0, 1),
        lash_length=draw.between(0.045, 0.075) if feminine else draw.between(0.03, 0.045),
        lash_darkness=draw.between(0.6, 0.95) if feminine else draw.between(0.35, 0.65),
    )


def _teeth(draw: _Draw) -> TeethLook:
    white = np.array([0.93, 0.90, 0.84]) * draw.between(0.86, 1.0)
    white = white * np.array([1, draw.between(0.97, 1), draw.between(0.88, 1)])
    return TeethLook(white, draw.between(0.3, 1), draw.between(0, 1), draw.between(-0.01, 0.035))


def _torso(draw: _Draw, neck: float, feminine: bool) -> TorsoLook:
    rng = draw.rng
    cut, pattern = str(rng.choice(CUTS)), str(rng.choice(PATTERNS))
    cloth = np.clip(draw.between(0.06, 0.9) + rng.normal(0, 0.16, 3), 0.03, 0.95)
    if cut == "jacket":  # sober
        pattern = str(rng.choice(["plain", "heather", "plain", "checks"]))
        cloth = np.clip(draw.between(0.05, 0.4) + rng.normal(0, 0.035, 3), 0.03, 0.95)
    second = np.clip(draw.between(0.1, 0.95) + rng.normal(0, 0.2, 3), 0.03, 0.97)
    if pattern in ("checks", "heather") and cut == "jacket":
        second = np.clip(cloth * draw.between(0.5, 1.8), 0.03, 0.95)
    return TorsoLook(
        shoulders=draw.between(1.75, 2.05) if feminine else draw.between(2.0, 2.35),
        slope=draw.between(0.8, 1.3),
        neck=neck,
        cut=cut,
        pattern=pattern,
        cloth=cloth,
        second=second,
        shirt=np.clip(draw.between(0.6, 0.92) + rng.normal(0, 0.05, 3), 0, 0.95),
    )


def _glasses(draw: _Draw) -> GlassesLook:
    dark = np.full(3, draw.between(0.02, 0.12))
    metal = np.array([0.62, 0.55, 0.42]) * draw.between(0.6, 1.2)
    horn = np.array([0.30, 0.16, 0.08]) * draw.between(0.6, 1.4)
    colour = (dark, metal, horn)[draw.rng.integers(0, 3)]
    thin = draw.chance(0.5)
    return GlassesLook(
        colour=colour,
        thickness=draw.between(0.008, 0.013) if thin else draw.between(0.016, 0.028),
        width=draw.between(0.21, 0.25),
        height=draw.between(0.14, 0.21),
        square=draw.between(1.0, 2.6),
    )
