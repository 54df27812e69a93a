"""Small videos whose frames carry their number, to prove which frame is given when."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

WIDTH, HEIGHT = 160, 96
_BITS, _ROWS = 10, 2


def numbered_picture(number: int) -> np.ndarray:
    """(96, 160, 3) uint8: ten squares, white for the ones among the number's bits, lowest bit first."""
    bits = np.array([number >> bit & 1 for bit in range(_BITS)]).reshape(_ROWS, -1)
    blocks = np.kron(bits, np.ones((HEIGHT // _ROWS, WIDTH * _ROWS // _BITS)))
    return np.repeat(40 + 180 * blocks.astype(np.uint8)[..., None], 3, axis=2)


def number_in(picture: np.ndarray) -> int:
    """Read a number back from a picture of any size."""
    height, width = picture.shape[:2]
    rows = [int((row + 0.5) * height / _ROWS) for row in range(_ROWS)]
    columns = [int((column + 0.5) * width * _ROWS / _BITS) for column in range(_BITS // _ROWS)]
    bits = picture[np.ix_(rows, columns)].mean(-1).reshape(-1) > 130
    return int(sum(1 << bit for bit in range(_BITS) if bits[bit]))


def write_clip(
    path: Path,
    pictures: Sequence[np.ndarray],
    times: Sequence[float],
    *,
    rate: int = 25,
    aspect: Fraction | None = None,
    rotation: int = 0,
    sound_seconds: float = 0.0,
) -> Path:
    """Write an mp4.

    Args:
        path: File to write.
        pictures: (H, W, 3) uint8, even sides.
        times: Seconds at which each is shown.
        rate: Frame rate that the container claims.
        aspect: Width over height of a pixel.
        rotation: Degrees counter-clockwise that a player is told to turn the picture.
        sound_seconds: Length of a silent sound track that starts at 0; none if 0.
    """
    with av.open(str(path), "w") as container:
        video: Any = container.add_stream("libx264", rate=rate, options={"crf": "12", "bf": "0"})
        video.height, video.width = pictures[0].shape[:2]
        video.pix_fmt = "yuv420p"
        video.time_base = video.codec_context.time_base = Fraction(1, 30000)
        if aspect is not None:
            video.codec_context.sample_aspect_ratio = aspect
        if rotation:
            video.set_display_rotation(rotation)
        sound: Any = container.add_stream("aac", rate=16000) if sound_seconds else None
        for picture, time in zip(pictures, times, strict=True):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            frame.pts, frame.time_base = round(time * 30000), Fraction(1, 30000)
            container.mux(video.encode(frame))
        container.mux(video.encode())
        if sound is not None:
            silence = np.zeros((1, round(sound_seconds * 16000)), np.float32)
            frame = av.AudioFrame.from_ndarray(silence, format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 16000, 0
            container.mux(sound.encode(frame))
            container.mux(sound.encode())
    return path


def numbered_clip(path: Path, times: Sequence[float], **settings: Any) -> Path:
    """Write frames 0, 1, 2, ... at the given times; see `write_clip`."""
    return write_clip(path, [numbered_picture(number) for number in range(len(times))], times, **settings)
