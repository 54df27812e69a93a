"""Pictures with transparency whose every number is known, and renderers that draw them."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np

from tiny_video_job import number_in, picture


def cut_out(number: int, size: int = 64) -> np.ndarray:
    """The stripes of `picture`: transparent above, half transparent in the middle, whole below."""
    stripes = picture(number).repeat(size // 64, 0).repeat(size // 64, 1)
    alpha = np.repeat(np.array([0, 128, 255, 255], np.uint8), size // 4)
    return np.dstack([stripes, np.broadcast_to(alpha[:, None], (size, size))])


class CutOutRenderer:
    """Draws `cut_out`, by either name; `before` is called with the number of each frame."""

    def __init__(self, before: Callable[[int], None] = lambda number: None, size: int = 64) -> None:
        self._before, self._size = before, size

    def frames(self, motion: Any) -> Iterator[np.ndarray]:
        for number in motion.expression[:, 0].int().tolist():
            self._before(number)
            yield cut_out(number, self._size)

    cut_out_frames = frames


def decoded(path: Path) -> np.ndarray:
    """(T, height, width, 4) uint8 of a video; VP9's alpha needs libvpx, FFmpeg's own decoder leaves it out."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        vp9 = stream.codec_context.name == "vp9"
        decoder = av.CodecContext.create("libvpx-vp9", "r") if vp9 else stream.codec_context
        frames = [frame for packet in container.demux(stream) for frame in decoder.decode(packet)]
    return np.stack([frame.to_ndarray(format="rgba") for frame in frames])


def check_frames(frames: np.ndarray, wanted: list[int]) -> None:
    """Each is the one wanted, with its alpha; 3 grey levels are lost in coding at most on the mean."""
    assert [number_in(frame[..., :3]) for frame in frames] == wanted
    for frame, number in zip(frames, wanted, strict=True):
        true = cut_out(number, frame.shape[0])
        assert np.abs(frame[..., 3].astype(int) - true[..., 3]).mean() < 1
        assert np.abs(frame.astype(int) - true).mean() < 3
