"""Moments as fragmented mp4 in memory, for one viewer."""

import numpy as np

from mimictalk.streaming.moments import Moment
from mimictalk.video_coding import SAMPLES_PER_FRAME as SAMPLES_PER_FRAME
from mimictalk.video_coding import Coding, add_sound, sound_of_frame
from mimictalk.video_writer import FRAGMENTED

CRF = 23
# FFmpeg would hold sound back for up to 10 s, waiting for pictures that were dropped.
HELD = {"max_interleave_delta": "100000", "flush_packets": "1"}


class Fragments:
    """Encodes what a viewer takes. The file begins with the first picture.

    Args:
        size: Width and height of the pictures.
        metadata: Container metadata, such as the mark.
    """

    def __init__(self, size: int, metadata: dict[str, str]) -> None:
        import av

        self._sink = _Sink()
        self._coding = Coding((size, size), CRF, live=True)
        self._container = av.open(self._sink, "w", format="mp4", options=FRAGMENTED | HELD)
        self._container.metadata.update(metadata)
        self._video = self._coding.add_pictures(self._container)
        self._audio = add_sound(self._container)
        self._first: int | None = None

    def add(self, moment: Moment) -> bytes:
        """Encode a moment; returns the bytes that are ready, maybe none."""
        if self._first is None:
            if moment.picture is None or moment.overdue:
                return b""
            self._first = moment.index
        index = moment.index - self._first
        if moment.picture is not None:
            picture = self._coding.picture(moment.picture, moment.shown - self._first)
            self._container.mux(self._video.encode(picture))
        sound = np.ascontiguousarray(moment.sound)
        self._container.mux(self._audio.encode(sound_of_frame(sound, index)))
        return self._sink.take()

    def finish(self) -> bytes:
        """The rest."""
        if self._first is not None:
            for stream in (self._video, self._audio):
                self._container.mux(stream.encode(None))
        self._container.close()
        return self._sink.take()


class _Sink:
    """Collects what is written."""

    def __init__(self) -> None:
        self._written = bytearray()

    def write(self, data: bytes) -> int:
        self._written += data
        return len(data)

    def take(self) -> bytes:
        taken = bytes(self._written)
        self._written.clear()
        return taken
