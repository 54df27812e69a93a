"""Decoded frames to upright RGB pictures with square pixels."""

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Orientation:
    """How to turn the stored picture upright: first transpose, then mirror.

    Attributes:
        transpose: Swap rows and columns.
        flip_x, flip_y: Mirror left-right, mirror top-bottom.
    """

    transpose: bool = False
    flip_x: bool = False
    flip_y: bool = False

    @classmethod
    def of(cls, frame: Any) -> "Orientation":
        """Read a frame's display matrix, to quarter turns (ISO 14496-12, 6.2.2).

        x' = a x + c y, y' = b x + d y.
        """
        data = next((bytes(side) for side in frame.side_data if side.type.name == "DISPLAYMATRIX"), None)
        if data is None:
            return cls()
        a, b, _, c, d = np.frombuffer(data, np.int32)[:5]
        if abs(b) + abs(c) > abs(a) + abs(d):
            return cls(True, bool(c < 0), bool(b < 0))
        return cls(False, bool(a < 0), bool(d < 0))

    def apply(self, picture: np.ndarray) -> np.ndarray:
        """Turn (H, W, 3)."""
        if self.transpose:
            picture = picture.transpose(1, 0, 2)
        return picture[:: -1 if self.flip_y else 1, :: -1 if self.flip_x else 1]


def upright_size(frame: Any, aspect: float | None, orientation: Orientation) -> tuple[int, int]:
    """Width and height of the upright picture with square pixels; never more pixels in height than stored.

    Args:
        frame: The first decoded frame.
        aspect: Width over height of one stored pixel, None if unknown.
        orientation: How it is turned.
    """
    width, height = frame.width, frame.height
    if aspect and 0.1 < aspect < 10:
        width = max(1, round(width * aspect))
    return (height, width) if orientation.transpose else (width, height)


class Upright:
    """Converts decoded frames to upright RGB of one size; keeps its scaler from frame to frame."""

    def __init__(
        self, width: int, height: int, orientation: Orientation, interpolation: str = "BICUBIC"
    ) -> None:
        from av.video.reformatter import VideoReformatter

        self._scaler, self._orientation, self._interpolation = VideoReformatter(), orientation, interpolation
        self._stored = (height, width) if orientation.transpose else (width, height)
        self.width, self.height = width, height

    def __call__(self, frame: Any, window: tuple[slice, slice] = (slice(None), slice(None))) -> np.ndarray:
        """Convert to (height, width, 3) uint8 RGB, or to a window of that."""
        size, kind = self._stored, self._interpolation
        # Packed pixels of odd width take libswscale three times as long as the very same ones in planes; of
        # even width they are another picture, whose colours are less exact, and faster.
        if size[0] % 2 == 0 or kind == "POINT" or (frame.width, frame.height) == size:
            packed = self._scaler.reformat(frame, *size, format="rgb24", interpolation=kind).to_ndarray()
            return np.ascontiguousarray(self._orientation.apply(packed)[window])
        planes = self._scaler.reformat(frame, *size, format="gbrp", interpolation=kind).planes
        green, blue, red = (self._orientation.apply(_pixels(plane))[window] for plane in planes)
        out = np.empty((*red.shape[:2], 3), np.uint8)
        return np.concatenate([red, green, blue], 2, out=out)


def _pixels(plane: Any) -> np.ndarray:
    """(H, W, 1) uint8, without a copy."""
    rows = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)
    return rows[:, : plane.width, None]


class Enlarger:
    """Scales square RGB pictures to one size; keeps its scaler from picture to picture."""

    def __init__(self, size: int) -> None:
        from av.video.reformatter import VideoReformatter

        self._scaler, self._size = VideoReformatter(), size

    def __call__(self, picture: np.ndarray) -> np.ndarray:
        """(S, S, 3) uint8 to (size, size, 3) uint8."""
        from av import VideoFrame

        frame = VideoFrame.from_ndarray(picture, format="rgb24")
        scaled = self._scaler.reformat(frame, self._size, self._size, format="rgb24", interpolation="BICUBIC")
        return scaled.to_ndarray()
