"""A talking style: everything about a speaker's mouth that does not follow from the sounds alone."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from .phones import PHONES


@dataclass(frozen=True)
class TalkingStyle:
    """How one person talks. Apertures and gaps are relative to the height of the face.

    Attributes:
        gap: lip gap of a loud "ah", in face heights.
        curve: exponent on the aperture; > 1 keeps small openings small.
        jaw_share: part of the opening that the jaw makes, the rest by the lips.
        rounding, spreading: gains of the lip shapes.
        smile, smile_swing: usual smile and how far it wanders, in ARKit units.
        asymmetry: left minus right of smile, stretch and lip lift, relative, -0.5 to 0.5.
        tension: pressing and rolling of the lips when they close, 0 to 1.
        reach: seconds over which a sound pulls on its neighbours.
        smooth: seconds (standard deviation) of muscle smoothing.
        lead: seconds by which the mouth is ahead of the sound.
        loudness: exponent from loudness to opening.
        rest: aperture in pauses; breath: extra aperture of a breath and its chance per pause.
        wander: relative slow swing of the opening that no sound explains; jitter: the same per sound.
        shut: how completely lips close, 0.8 to 1.
        targets: personal offset of each sound's aperture.
        blinks: per minute; nod, turn: usual size of head motion in radians; brow: size of brow raises;
        gaze: size of eye motion in radians.
    """

    gap: float = 0.08
    curve: float = 1.0
    jaw_share: float = 0.75
    rounding: float = 0.7
    spreading: float = 0.5
    smile: float = 0.1
    smile_swing: float = 0.05
    asymmetry: float = 0.0
    tension: float = 0.4
    reach: float = 0.05
    smooth: float = 0.025
    lead: float = 0.04
    loudness: float = 0.3
    rest: float = 0.02
    breath: float = 0.2
    breath_chance: float = 0.3
    wander: float = 0.15
    jitter: float = 0.12
    shut: float = 1.0
    blinks: float = 15.0
    nod: float = 0.05
    turn: float = 0.05
    brow: float = 0.2
    gaze: float = 0.06
    targets: dict[str, float] = field(default_factory=dict)


def random_style(random: np.random.Generator) -> TalkingStyle:
    """Draws a speaker; the ranges cover what was tracked on real clips, and more."""

    def between(low: float, high: float) -> float:
        return float(random.uniform(low, high))

    return TalkingStyle(
        gap=0.035 * 4.3 ** between(0, 1),
        curve=between(0.75, 1.5),
        jaw_share=between(0.5, 0.95),
        rounding=between(0.2, 1.1),
        spreading=between(0.1, 1.0),
        smile=max(0.0, between(-0.2, 0.5)),
        smile_swing=between(0.0, 0.15),
        asymmetry=float(np.clip(random.normal(0, 0.15), -0.5, 0.5)),
        tension=between(0.0, 1.0),
        reach=between(0.03, 0.075),
        smooth=between(0.012, 0.04),
        lead=float(np.clip(random.normal(0.04, 0.018), -0.02, 0.1)),
        loudness=between(0.0, 0.6),
        rest=between(0.05, 0.2) if random.random() < 0.2 else between(0.0, 0.05),
        breath=between(0.05, 0.4),
        breath_chance=between(0.0, 0.7),
        wander=between(0.05, 0.3),
        jitter=between(0.05, 0.25),
        shut=between(0.85, 1.0),
        blinks=between(6, 30),
        nod=between(0.01, 0.09),
        turn=between(0.01, 0.12),
        brow=between(0.0, 0.4),
        gaze=between(0.02, 0.12),
        targets={symbol: float(random.normal(0, 0.08)) for symbol in PHONES},
    )
