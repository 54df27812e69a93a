"""The 15 visemes of Oculus/Meta LipSync, read off the motion of the mouth.

Names and order are those of the Oculus LipSync SDK (its "Viseme Reference"): sil, PP, FF, TH, DD, kk, CH,
SS, nn, RR, aa, E, ih, oh, ou, for which VRM, Ready Player Me and VRChat avatars have mouth shapes. The motion
is first brought to the size of full visemes, because people open their mouths less than these pictures of
single sounds; then each frame's weights say how near its mouth lies to each of them (a Gaussian kernel; the
weights times the pictures are the regression of Nadaraya and Watson). Sounds that look alike on a face (SS
and DD, the tongue's part of TH and nn) can be told apart only as far as lips and jaw do it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .errors import InputError
from .motion import MotionSequence, write_atomically
from .seal import BLANK, intact, sealed

FORMAT = "talk_motion.Visemes.1"
VISEMES = ("sil", "PP", "FF", "TH", "DD", "kk", "CH", "SS", "nn", "RR", "aa", "E", "ih", "oh", "ou")
DECIMALS = 4
NEAR = 0.08  # deviation of the kernel in ARKit weights; the nearest two visemes, DD and nn, are 0.19 apart
LARGEST_GAIN = 4.0  # so that the trembling of a mouth at rest is not taken for speech
WIDEST = 0.98  # share of the frames whose mouths are smaller than the size of a full viseme

# Place of an ARKit shape among the first 52 entries of an expression (docs/conventions.md).
JAW, CLOSE, FUNNEL, PUCKER = 17, 18, 19, 20
SMILE, STRETCH, ROLL_LOWER, ROLL_UPPER = (23, 24), (29, 30), 31, 32
PRESS, LOWER_DOWN, UPPER_UP = (35, 36), (37, 38), (39, 40)
# Mouths of the visemes in ARKit weights, after the pictures of the SDK's viseme reference.
MOUTHS: dict[str, dict[int | tuple[int, int], float]] = {
    "PP": {ROLL_LOWER: 0.35, ROLL_UPPER: 0.3, PRESS: 0.4},
    "FF": {JAW: 0.06, ROLL_LOWER: 0.55, UPPER_UP: 0.25},
    "TH": {JAW: 0.14, LOWER_DOWN: 0.25, UPPER_UP: 0.1},
    "DD": {JAW: 0.1, LOWER_DOWN: 0.2, STRETCH: 0.1, UPPER_UP: 0.1},
    "kk": {JAW: 0.16, LOWER_DOWN: 0.15, SMILE: 0.05},
    "CH": {JAW: 0.08, FUNNEL: 0.55, PUCKER: 0.15, LOWER_DOWN: 0.1},
    "SS": {JAW: 0.04, STRETCH: 0.3, SMILE: 0.15, LOWER_DOWN: 0.25, UPPER_UP: 0.1},
    "nn": {JAW: 0.1, LOWER_DOWN: 0.12},
    "RR": {JAW: 0.1, FUNNEL: 0.3, PUCKER: 0.2},
    "aa": {JAW: 0.6, LOWER_DOWN: 0.15, UPPER_UP: 0.1},
    "E": {JAW: 0.25, STRETCH: 0.3, SMILE: 0.2, LOWER_DOWN: 0.3, UPPER_UP: 0.15},
    "ih": {JAW: 0.16, SMILE: 0.3, STRETCH: 0.15, LOWER_DOWN: 0.2},
    "oh": {JAW: 0.38, FUNNEL: 0.35, PUCKER: 0.2},
    "ou": {JAW: 0.12, FUNNEL: 0.2, PUCKER: 0.7},
}


@dataclass(frozen=True)
class Visemes:
    """Weights (T, 15) of the visemes in the order of `VISEMES`; each frame's are >= 0 and sum to 1."""

    weights: Tensor
    fps: float = 25.0

    def __post_init__(self) -> None:
        if self.weights.ndim != 2 or self.weights.shape[1] != len(VISEMES):
            raise ValueError(f"weights must have shape (T, {len(VISEMES)}), got {tuple(self.weights.shape)}")
        if not bool(((self.weights >= 0) & (self.weights <= 1)).all()):  # NaN is neither
            raise ValueError("weights must lie in [0, 1]")
        if not 0 < self.fps < float("inf"):
            raise ValueError(f"fps must be positive, got {self.fps}")

    def save(self, path: str | Path) -> None:
        """Writes one JSON object, atomically.

        Its keys: `format`; `seal` (see `talk_motion.seal`); `fps`; `visemes`, the 15 names; `duration` in
        seconds; `weights`, a list of 15 numbers for each frame; frame k shows from k / fps seconds on;
        `track`, for players without blending: the strongest viseme of each stretch as {"start", "end"
        (seconds), "viseme", "weight" (its largest)}.
        """
        content = {
            "format": FORMAT,
            "seal": BLANK,
            "fps": self.fps,
            "duration": round(len(self.weights) / self.fps, 6),
            "visemes": list(VISEMES),
            "weights": [
                [round(float(w), DECIMALS) for w in row] for row in self.weights.detach().double().tolist()
            ],
            "track": self.track(),
        }
        write_atomically(Path(path), sealed(json.dumps(content, allow_nan=False).encode()))

    @classmethod
    def load(cls, path: str | Path) -> Visemes:
        """Reads what `save` wrote, to four decimals.

        Raises:
            InputError: the file is missing, damaged, or holds something else.
        """
        cure = "Give a file written by Visemes.save."
        try:
            text = Path(path).read_bytes()
            content = json.loads(text)
        except (OSError, ValueError, RecursionError) as error:
            raise InputError(path, f"no readable JSON ({error})", cure) from error
        if intact(text) is False:
            raise InputError(path, "it was altered or damaged: its seal does not match", cure)
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            raise InputError(path, f"its format is not {FORMAT!r}", cure)
        try:
            if content["visemes"] != list(VISEMES):
                raise ValueError("it has other visemes")
            weights = torch.tensor(content["weights"], dtype=torch.float32).reshape(-1, len(VISEMES))
            return cls(weights, float(content["fps"]))
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise InputError(path, f"it holds no viseme weights ({error})", cure) from error

    def track(self) -> list[dict[str, Any]]:
        """The strongest viseme of each stretch, in order and without holes."""
        if not len(self.weights):
            return []
        strongest = self.weights.argmax(dim=1)
        borders = [0, *(torch.nonzero(strongest.diff()).flatten() + 1).tolist(), len(strongest)]
        out = []
        for start, stop in pairwise(borders):
            which = int(strongest[start])
            weight = round(float(self.weights[start:stop, which].max()), DECIMALS)
            out.append(
                {
                    "start": round(start / self.fps, 6),
                    "end": round(stop / self.fps, 6),
                    "viseme": VISEMES[which],
                    "weight": weight,
                }
            )
        return out


def visemes_of(motion: MotionSequence, rest: Tensor | None = None) -> Visemes:
    """Visemes of a motion.

    Args:
        motion: T frames.
        rest: (64,) the person's resting face, which becomes `sil`; default the neutral face.

    Returns:
        Weights that sum to 1.
    """
    mouths = viseme_mouths()
    used = mouths.abs().amax(dim=0) > 0
    seen = (motion.expression[:, :52] - (0 if rest is None else rest[:52]))[:, used]
    if len(seen):
        size = seen.norm(dim=1).quantile(WIDEST)
        seen = seen * (mouths[VISEMES.index("aa")].norm() / size.clamp(min=1e-6)).clamp(1.0, LARGEST_GAIN)
    distance = torch.cdist(seen, mouths[:, used])
    return Visemes(torch.softmax(-distance.square() / (2 * NEAR**2), dim=1), motion.fps)


def viseme_mouths() -> Tensor:
    """ARKit weights (15, 52) of each viseme at full weight."""
    out = torch.zeros(len(VISEMES), 52)
    for name, mouth in MOUTHS.items():
        for shape, weight in mouth.items():
            out[VISEMES.index(name), list(shape) if isinstance(shape, tuple) else shape] = weight
    return out
