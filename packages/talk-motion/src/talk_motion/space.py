"""The motion the model works on: the lip gap and a few shapes of the mouth, as landmarks see them.

Expression coefficients fitted to a picture are ambiguous (jaw and lips can explain the same gap), so the
model sees what the coefficients do to the landmarks of the mouth. The face model reaches this package as
matrices only.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from torch import Tensor


@dataclass(frozen=True)
class MotionSpace:
    """Linear maps between expression (64) and motion channels (M); channel 0 is the lip gap.

    Attributes:
        encode: (M, 64), decode: (64, M); encode @ decode is the identity.
        mean, scale: (M,) usual value and deviation of each channel.
        gap: (64,) lip gap in face heights = expression @ gap.
        mouth: (64,) bool, the expression entries that `decode` writes.
    """

    encode: Tensor
    decode: Tensor
    mean: Tensor
    scale: Tensor
    gap: Tensor
    mouth: Tensor

    def __post_init__(self) -> None:
        channels, size = self.encode.shape
        wanted = {
            "decode": (size, channels),
            "mean": (channels,),
            "scale": (channels,),
            "gap": (size,),
            "mouth": (size,),
        }
        for name, shape in wanted.items():
            if tuple(getattr(self, name).shape) != shape:
                raise ValueError(f"{name} must have shape {shape}, got {tuple(getattr(self, name).shape)}")

    @property
    def channels(self) -> int:
        return self.encode.shape[0]

    def to(self, device: torch.device) -> MotionSpace:
        """The same, with its matrices on a device."""
        return MotionSpace(**{field.name: getattr(self, field.name).to(device) for field in fields(self)})

    def to_motion(self, expression: Tensor) -> Tensor:
        """(..., 64) -> (..., M), about zero mean and unit deviation over speakers."""
        return (expression @ self.encode.T - self.mean) / self.scale

    def to_expression(self, motion: Tensor) -> Tensor:
        """(..., M) -> (..., 64); only the entries of the mouth are written, the others are 0."""
        return (motion * self.scale + self.mean) @ self.decode.T

    @classmethod
    def build(
        cls, basis: Tensor, gap: Tensor, mouth: Tensor, samples: Tensor, channels: int, ridge: float = 1e-4
    ) -> MotionSpace:
        """Finds the shapes: the lip gap, then the principal shapes of what the gap does not explain.

        Args:
            basis: (N, 64) what each expression does to the coordinates of the mouth's landmarks, in face
                heights.
            gap: (64,) what each expression does to the lip gap.
            mouth: (64,) bool, which entries the model may write.
            samples: (S, 64) expressions of many speakers.
            channels: number of channels wanted.
            ridge: pull of `decode` towards small coefficients, relative to the basis' largest direction.
        """
        shapes = samples @ basis.T
        opening = samples @ gap
        centred, opening_centred = shapes - shapes.mean(0), opening - opening.mean()
        follow = (
            opening_centred @ centred / (opening_centred @ opening_centred)
        )  # the shape that goes with the gap
        rest = centred - opening_centred[:, None] * follow
        directions = torch.linalg.svd(rest, full_matrices=False).Vh[: channels - 1]
        encode = torch.cat([gap[None], directions @ (basis - follow[:, None] * gap)])
        motion = samples @ encode.T
        # Smallest coefficients of the mouth that give the motion: ridge keeps opposite shapes from fighting.
        free = encode[:, mouth] / motion.std(0)[:, None]
        gram = free @ free.T
        inverse = free.T @ torch.linalg.inv(gram + ridge * gram.diagonal().max() * torch.eye(channels))
        inverse = inverse @ torch.linalg.inv(free @ inverse)  # exact again: what is asked for is what is got
        decode = torch.zeros(encode.shape[1], channels)
        decode[mouth] = inverse / motion.std(0)
        return cls(encode, decode, motion.mean(0), motion.std(0), gap, mouth)
