"""What a user may turn on a motion before it is drawn: mouth, blinks, gaze, head."""

import math
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mimictalk.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

    from talk_motion import MotionSequence
    from talk_motion.space import MotionSpace

MOST = 2.0  # of mouth and blinks
# Degrees of the head to which portraits hold; beyond, planes show what the clip never showed.
HEAD_RANGE = {"yaw": 20.0, "pitch": 12.0, "roll": 15.0}
GAZE_RANGE = {"yaw": 20.0, "pitch": 6.0}  # lids hide what a larger pitch would show
EYE_BLINK = [0, 7]  # eyeBlinkLeft, eyeBlinkRight (docs/conventions.md)
_NUMBERS = re.compile(r"^[+-]?\d+(\.\d*)?(\s*,\s*[+-]?\d+(\.\d*)?)*$")


@dataclass(frozen=True, eq=False)
class RestingFace:
    """What a person's face does when it does nothing: controls scale the way that a face is from it.

    Attributes:
        space: Which expressions are the mouth's, and which of them open the lips.
        mouth: (64,) expression with the lips at rest.
        lids: (2,) eyeBlinkLeft and eyeBlinkRight of open eyes.
        translation: (3,) of the head, decimetres.
    """

    space: "MotionSpace"
    mouth: "Tensor"
    lids: "Tensor"
    translation: "Tensor"

    @classmethod
    def of(cls, expression: "Tensor | None", translation: "Tensor", space: "MotionSpace") -> "RestingFace":
        """The resting face in a person's expressions (T, 64); of nobody in particular for None."""
        import torch

        from talk_motion.rest import rest_mouth

        if expression is None or not len(expression):
            return cls(space, torch.zeros(64), torch.zeros(2), translation)
        # Lids are open in most frames of any clip; MotionSequence.from_tracking counts blinks from here too.
        lids = expression[:, EYE_BLINK].quantile(0.2, dim=0)
        return cls(space, rest_mouth(expression, space.gap), lids, translation)


@dataclass(frozen=True)
class MotionControls:
    """Changes of a motion; the defaults change nothing.

    Attributes:
        mouth: Factor of the mouth's way from its rest, 0 to 2; lips that are closed stay closed.
        blink: Factor of how far lids close in a blink, 0 (open eyes) to 2.
        gaze: Yaw and pitch in degrees in the head's own frame, yaw > 0 to the subject's left, pitch > 0
            down; None as generated.
        head: Yaw, pitch and roll in degrees, held for the whole video; roll > 0 lifts the subject's left
            side; None as generated.

    Raises:
        InputError: If a number is out of its range.
    """

    mouth: float = 1.0
    blink: float = 1.0
    gaze: tuple[float, float] | None = None
    head: tuple[float, float, float] | None = None

    def __post_init__(self) -> None:
        for option, value in (("--mouth", self.mouth), ("--blink", self.blink)):
            if not 0 <= value <= MOST:
                raise InputError(option, f"{value:g} is out of range", f"Give 0 to {MOST:g}.")
        for option, angles, ranges in (
            ("--gaze", self.gaze, GAZE_RANGE),
            ("--pose", self.head, HEAD_RANGE),
        ):
            for (name, most), angle in zip(ranges.items(), angles or (), strict=False):
                if not -most <= angle <= most:
                    cure = f"Give -{most:g} to {most:g} degrees."
                    raise InputError(option, f"a {name} of {angle:g} degrees is out of range", cure)

    @classmethod
    def of(
        cls, *, mouth: float = 1.0, blink: str = "auto", gaze: str = "auto", pose: str = "ref"
    ) -> "MotionControls":
        """The controls that the options say.

        Args:
            mouth: As it is.
            blink: "auto", "none" or a factor.
            gaze: "auto", "forward", or "YAW,PITCH" in degrees.
            pose: "YAW,PITCH,ROLL" in degrees; anything else is no pose to hold.

        Raises:
            InputError: If one of them is none of these.
        """
        words = {"auto": 1.0, "none": 0.0}
        factor = words[blink] if blink in words else _number(blink)
        if factor is None:
            raise InputError("--blink", f"{blink!r} is no way to blink", f"Give auto, none or 0 to {MOST:g}.")
        look = None if gaze == "auto" else (0.0, 0.0) if gaze == "forward" else angles_in(gaze, 2)
        if look is None and gaze != "auto":
            cure = "Give auto, forward or YAW,PITCH in degrees, such as 10,0."
            raise InputError("--gaze", f"{gaze!r} is no direction", cure)
        return cls(
            mouth,
            factor,
            None if look is None else (look[0], look[1]),
            None if (head := angles_in(pose, 3)) is None else (head[0], head[1], head[2]),
        )

    @property
    def idle(self) -> bool:
        """Whether they change nothing."""
        return self == MotionControls()

    def applied(self, motion: "MotionSequence", rest: RestingFace) -> "MotionSequence":
        """The motion with these changes; each frame is a function of itself alone.

        Args:
            motion: T frames.
            rest: Of who moves in it.
        """
        if self.idle:
            return motion
        expression, blink = self._blinking(self._mouthing(motion.expression, rest), motion.blink, rest)
        motion = replace(motion, expression=expression, blink=blink)
        if self.gaze is not None:
            yaw, pitch = (math.radians(angle) for angle in self.gaze)
            motion = replace(motion, gaze=motion.gaze.new_tensor([pitch, yaw]).repeat(motion.frames, 1))
        if self.head is None:
            return motion
        yaw, pitch, roll = (math.radians(angle) for angle in self.head)
        euler = motion.euler.new_tensor([pitch, yaw, roll]).repeat(motion.frames, 1)
        return replace(motion, euler=euler, translation=rest.translation.repeat(motion.frames, 1))

    def _mouthing(self, expression: "Tensor", rest: RestingFace) -> "Tensor":
        """Channels k of the mouth become k_rest + mouth (k - k_rest); channel 0 opens the lips."""
        if self.mouth == 1:
            return expression
        way = (expression - rest.mouth) @ rest.space.encode.T
        if self.mouth > 1:  # lips that touch cannot come closer
            way[:, 0] = way[:, 0].clamp(min=0)
        return expression + (self.mouth - 1) * way @ rest.space.decode.T

    def _blinking(
        self, expression: "Tensor", closing: "Tensor", rest: RestingFace
    ) -> "tuple[Tensor, Tensor]":
        """A closing c of lids, e = open + (1 - open) c, becomes blink * c."""
        if self.blink == 1:
            return expression, closing
        wanted = (self.blink * closing).clamp(max=1)
        lids = expression[:, EYE_BLINK] + (wanted - closing)[:, None] * (1 - rest.lids)
        expression = expression.clone()
        expression[:, EYE_BLINK] = lids.clamp(max=1)
        return expression, wanted


def angles_in(text: str, count: int) -> tuple[float, ...] | None:
    """The numbers in "1,2,3"; None where the text is not `count` numbers with commas between them."""
    if not _NUMBERS.match(text.strip()):
        return None
    numbers = tuple(float(part) for part in text.split(","))
    return numbers if len(numbers) == count else None


def _number(text: str) -> float | None:
    found = angles_in(text, 1)
    return None if found is None else found[0]
