"""Face motion as a Live Link Face CSV: 52 ARKit shapes and 9 rotations per frame, for Unreal and ARKit rigs.

Column names and order are those of Unreal's `EARFaceBlendShape`. Rotations are radians in this project's own
conventions (docs/conventions.md); both eyes share one gaze.
"""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from talk_motion import MotionSequence

ROTATIONS = (
    "HeadYaw", "HeadPitch", "HeadRoll",
    "LeftEyeYaw", "LeftEyePitch", "LeftEyeRoll",
    "RightEyeYaw", "RightEyePitch", "RightEyeRoll",
)  # fmt: skip


def columns() -> list[str]:
    """The header: Timecode, BlendShapeCount, 52 shapes in Unreal's spelling, 9 rotations."""
    from face3dmm import ARKIT_NAMES

    return ["Timecode", "BlendShapeCount", *(name[0].upper() + name[1:] for name in ARKIT_NAMES), *ROTATIONS]


def to_csv(motion: "MotionSequence") -> str:
    """The text of the file; shapes are clipped to [0, 1], the 12 learned residuals have no column."""
    fps = round(float(motion.fps))
    shapes = np.clip(np.asarray(motion.expression)[:, :52], 0, 1)
    pitch, yaw, roll = np.asarray(motion.euler).T
    gaze_pitch, gaze_yaw = np.asarray(motion.gaze).T
    zero = np.zeros_like(yaw)
    eye = [gaze_yaw, gaze_pitch, zero]
    values = np.column_stack([shapes, yaw, pitch, roll, *eye, *eye])
    lines = [",".join(columns())]
    for index, row in enumerate(values):
        lines.append(",".join([timecode(index, fps), str(len(row)), *(f"{value:.6f}" for value in row)]))
    return "\n".join(lines) + "\n"


def timecode(frame: int, fps: int) -> str:
    """HH:MM:SS:FF.000 of a frame number."""
    seconds, rest = divmod(frame, fps)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}:{rest:02d}.000"
