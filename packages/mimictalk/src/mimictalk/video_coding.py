"""How pictures and sound are coded: H.264 and AAC, 25 frames per second, BT.709."""

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from mimictalk.sound import SAMPLE_RATE

if TYPE_CHECKING:
    import av
    from av.container import OutputContainer

FPS = 25
SAMPLES_PER_FRAME = SAMPLE_RATE // FPS
THREADS = 4  # of the encoder; a fixed number, because x264's output depends on it


@dataclass(frozen=True)
class Coding:
    """Size and quality of the picture.

    Attributes:
        size: (width, height), even.
        crf: x264 quality, 0 (lossless) to 51.
        live: Give every frame at once instead of looking ahead: larger, but there is no delay.
    """

    size: tuple[int, int] = (512, 512)
    crf: int = 18
    live: bool = False

    @property
    def container(self) -> str:
        """FFmpeg's name."""
        return "mp4"

    @property
    def sound_codec(self) -> str:
        """FFmpeg's name."""
        return "aac"

    def add_pictures(self, container: "OutputContainer") -> Any:
        """A video stream in `container`."""
        stream: Any = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height = self.size
        stream.pix_fmt = "yuv420p"
        stream.gop_size = FPS
        stream.options = {"crf": str(self.crf), "preset": "veryfast"}
        if self.live:
            stream.options |= {"tune": "zerolatency"}
        context = stream.codec_context
        context.thread_count = THREADS
        context.time_base = Fraction(1, FPS)
        bt709(context)
        return stream

    def picture(self, frame: np.ndarray, index: int) -> "av.VideoFrame":
        """One frame, (height, width, 3) uint8 RGB, as frame number `index`.

        Raises:
            ValueError: If shape or type is wrong.
        """
        return self._picture(frame, index, "rgb24", "yuv420p")

    def _picture(self, frame: np.ndarray, index: int, given: str, coded: str) -> "av.VideoFrame":
        import av
        from av.video.reformatter import ColorRange, Colorspace

        wanted = (self.size[1], self.size[0], len(given.removesuffix("24")))
        if frame.shape != wanted or frame.dtype != np.uint8:
            raise ValueError(f"a frame must be {wanted} uint8, got {frame.shape} {frame.dtype}")
        picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format=given)
        if coded != given:
            picture = picture.reformat(
                format=coded, dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG
            )
        picture.pts, picture.time_base = index, Fraction(1, FPS)
        return picture


def bt709(context: Any) -> None:
    """Say of a coded stream what `Coding.picture` makes: BT.709 in limited range, what players expect."""
    context.colorspace = context.color_primaries = context.color_trc = 1
    context.color_range = 1


def add_sound(container: "OutputContainer", codec: str = "aac") -> Any:
    """A stereo sound stream in `container`."""
    stream: Any = container.add_stream(codec, rate=SAMPLE_RATE, layout="stereo")
    stream.bit_rate = 128_000
    return stream


def sound_of_frame(samples: np.ndarray, index: int) -> "av.AudioFrame":
    """The (1920, 2) float32 samples that belong to frame number `index`."""
    import av

    block = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="flt", layout="stereo")
    block.sample_rate, block.time_base = SAMPLE_RATE, Fraction(1, SAMPLE_RATE)
    block.pts = index * SAMPLES_PER_FRAME
    return block
