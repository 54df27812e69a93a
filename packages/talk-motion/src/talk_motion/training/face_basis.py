"""What training needs of a face model, as matrices: this package knows no face model."""

from dataclasses import dataclass, fields
from pathlib import Path

from torch import Tensor

from talk_motion.motion import EXPRESSION, write_atomically
from talk_motion.space import MotionSpace


@dataclass(frozen=True)
class FaceBasis:
    """What each of the 64 expressions does to a face, lengths in heights of the face.

    Attributes:
        mouth_points: (N, 64) coordinates of the landmarks that the mouth moves.
        gap: (64,) lip gap.
        mouth: (64,) bool, the expressions that the small model may write.
        landmarks: (468, 3, 64) all landmarks, in the unit of the face model.
    """

    mouth_points: Tensor
    gap: Tensor
    mouth: Tensor
    landmarks: Tensor

    def __post_init__(self) -> None:
        wanted = {"gap": (EXPRESSION,), "mouth": (EXPRESSION,), "landmarks": (468, 3, EXPRESSION)}
        wanted["mouth_points"] = (len(self.mouth_points), EXPRESSION)
        for name, shape in wanted.items():
            if tuple(getattr(self, name).shape) != shape:
                raise ValueError(f"{name} must have shape {shape}, got {tuple(getattr(self, name).shape)}")

    def space(self, expressions: Tensor, channels: int) -> MotionSpace:
        """The motion space that (S, 64) expressions of many speakers span."""
        return MotionSpace.build(self.mouth_points, self.gap, self.mouth, expressions, channels)


def kept_space(file: Path, space: MotionSpace | None = None) -> MotionSpace | None:
    """The motion space kept in a file; written first if one is given and there is none yet."""
    from safetensors.torch import load_file, save

    if not file.is_file():
        if space is None:
            return None
        write_atomically(
            file, save({field.name: getattr(space, field.name).contiguous() for field in fields(space)})
        )
    return MotionSpace(**load_file(file))
