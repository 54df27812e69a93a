"""How pictures with transparency are coded: VP9 (.webm), ProRes 4444 (.mov), PNG (.png), all with straight
alpha: colours are not multiplied by it."""

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from mimictalk.video_coding import FPS, Coding, bt709

if TYPE_CHECKING:
    import av
    from av.container import OutputContainer

Form = Literal["webm", "mov", "png"]
CODECS = {  # codec, pixels, sound, options
    # VP9 keeps alpha as a second picture, which cannot come earlier than its colours.
    "webm": ("libvpx-vp9", "yuva420p", "libopus", {"auto-alt-ref": "0", "deadline": "good", "cpu-used": "5"}),
    "mov": ("prores_ks", "yuva444p10le", "pcm_s16le", {"profile": "4444", "alpha_bits": "16"}),
    "png": ("png", "rgba", "pcm_s16le", {"pred": "mixed"}),
}
THREADS = 2  # of VP9, whose output depends on it; two columns are all that 512 pixels can be cut into


@dataclass(frozen=True)
class TransparentCoding(Coding):
    """Size, quality and form of a picture with alpha.

    Attributes:
        form: What is made of it in the end; pictures travel to a PNG sequence in a .mov.
        crf: VP9's quality, 0 to 63; ProRes and PNG have none.
    """

    form: Form = "webm"

    def __post_init__(self) -> None:
        if self.form not in CODECS:
            raise ValueError(f"form must be one of {', '.join(CODECS)}, got {self.form!r}")

    @property
    def container(self) -> str:
        """FFmpeg's name of the container of a segment."""
        return "webm" if self.form == "webm" else "mov"

    @property
    def sound_codec(self) -> str:
        """FFmpeg's name."""
        return CODECS[self.form][2]

    def add_pictures(self, container: "OutputContainer") -> Any:
        """A video stream in `container`."""
        codec, pixels, _, options = CODECS[self.form]
        stream: Any = container.add_stream(codec, rate=FPS)
        stream.width, stream.height = self.size
        stream.pix_fmt, stream.options = pixels, dict(options)
        context = stream.codec_context
        context.time_base = Fraction(1, FPS)
        if self.form == "webm":
            stream.gop_size, context.thread_count = FPS, THREADS
            stream.options |= {"crf": str(self.crf), "b": "0"}
        if self.form == "mov":
            context.codec_tag = "ap4h"  # by which editors know ProRes 4444
        if self.form != "png":
            bt709(context)
        return stream

    def picture(self, frame: np.ndarray, index: int) -> "av.VideoFrame":
        """One frame, (height, width, 4) uint8 RGB and straight alpha, as frame number `index`.

        Raises:
            ValueError: If shape or type is wrong.
        """
        return self._picture(frame, index, "rgba", CODECS[self.form][1])
