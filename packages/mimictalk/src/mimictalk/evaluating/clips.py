"""Two clips laid beside each other: the same square of the picture, the same seconds, faces in both."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mimictalk.errors import InputError

if TYPE_CHECKING:
    import torch

    from face3dmm import FaceCoeffs, FaceTrack

SIZE = 512  # of all pictures that are compared; landmarks are in pixels of it
Window = tuple[int, int, int]


@dataclass(frozen=True, eq=False)
class Clip:
    """A stretch of a video through a square window.

    Attributes:
        path: The video.
        window: x0, y0, side in pixels of the upright picture.
        first: The frame the stretch begins with.
        track: Of the whole video; None where no face can be followed in it, then `lost` says why.
        lost: See `track`.
    """

    path: Path
    window: Window
    first: int = 0
    track: "FaceTrack | None" = None
    lost: str | None = None

    def __post_init__(self) -> None:
        if (self.track is None) == (self.lost is None):
            raise ValueError("a clip needs either a track or the reason why there is none")

    @property
    def length(self) -> int:
        """Frames of the stretch, as far as is known without reading all of it."""
        from face3dmm import open_video

        frames = open_video(self.path).expected_frames if self.track is None else len(self.track)
        return max(0, frames - self.first)

    def frames(self) -> Iterator[np.ndarray]:
        """(512, 512, 3) uint8 RGB, one after another."""
        from face3dmm import read_crops

        for number, frame in enumerate(read_crops(self.path, self.window, size=SIZE)):
            if number >= self.first:
                yield frame

    def landmarks(self, count: int) -> "torch.Tensor":
        """(count, 478, 3) pixels of the window, carried over where the face was not seen.

        Raises:
            ValueError: If there is no track.
        """
        assert self.track is not None, "ask only where there is a track"
        return through(self.track, self.window).landmarks[self.first : self.first + count]

    def seen(self, count: int) -> np.ndarray:
        """(count,) bool: frames in which the detector found the face."""
        if self.track is None:
            return np.zeros(count, bool)
        return (self.track.coeffs.confidence[self.first : self.first + count] >= 1).numpy()

    def coeffs(self, count: int, identity: "torch.Tensor | None" = None) -> "FaceCoeffs":
        """Face model coefficients of the stretch, with the given identity or the clip's own, held fixed."""
        from face3dmm import FaceModel, fit_landmarks

        assert self.track is not None, "ask only where there is a track"
        own = self.track.coeffs
        part = slice(self.first, self.first + count)
        identity = own.identity if identity is None else identity
        return fit_landmarks(
            FaceModel.open_face(), self.landmarks(count), SIZE, identity, confidence=own.confidence[part]
        )


def through(track: "FaceTrack", window: Window) -> "FaceTrack":
    """The track with its landmarks in pixels of another window; coefficients and boxes stay as they are."""
    if track.crop == window:
        return track
    (x0, y0, side), (left, top, wide) = track.crop, window
    landmarks = track.landmarks * (side / wide)
    landmarks[..., 0] += (x0 - left) * SIZE / wide
    landmarks[..., 1] += (y0 - top) * SIZE / wide
    return replace(track, landmarks=landmarks, crop=window)


def common_windows(true: "FaceTrack", against: Path, output: Path) -> tuple[Window, Window]:
    """The windows of clip and output that show the same: of pictures of one size the same square.

    A square output of another size is taken for what the tracker's window of the clip became.

    Raises:
        InputError: If they cannot be laid on each other.
    """
    from face3dmm import open_video

    clip, made = (open_video(path).info for path in (against, output))
    if (clip.width, clip.height) == (made.width, made.height):
        return true.crop, true.crop
    if made.width == made.height:
        return true.crop, (0, 0, made.width)
    cause = f"its {made.width}x{made.height} pictures are neither square nor of the clip's size"
    raise InputError(output, cause, "Give a square video, or one of the size of the --against clip.")
