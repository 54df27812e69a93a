"""H.264 + AAC in mp4 at 25 frames per second: frames stream in, sound is interleaved in step."""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import numpy as np

from mimictalk.atomic import fsync, sweep, temporary_sibling
from mimictalk.errors import RunError
from mimictalk.sound import SAMPLE_RATE

FPS = 25
SAMPLES_PER_FRAME = SAMPLE_RATE // FPS


class VideoWriter:
    """Write a video of which nothing appears under its name until it is complete.

    Sound and picture start at 0 and end together. Sound that is too short is followed by silence. What
    happens when it is too long depends on who leads: with `leader="sound"` the last frame is held until the
    sound ends, so that no speech is cut; with `leader="picture"` the sound ends with the last frame.

    Use as a context manager; an exception removes the unfinished file.

    Args:
        path: The file to make, .mp4.
        sound: (n, 2) float32 blocks at 48 kHz, or None for a silent video without a sound track.
        leader: What decides the length.
        metadata: Container metadata, such as the mark.
        size: (width, height), even.
        crf: x264 quality, 0 (lossless) to 51.
    """

    def __init__(
        self,
        path: Path,
        sound: Iterable[np.ndarray] | None,
        *,
        leader: Literal["sound", "picture"],
        metadata: dict[str, str],
        size: tuple[int, int] = (512, 512),
        crf: int = 18,
    ) -> None:
        self.path, self.leader, self.frames = path, leader, 0
        self._temporary = temporary_sibling(path)
        self._sound = None if sound is None else _Blocks(iter(sound))
        self._metadata, self._size, self._crf = metadata, size, crf
        self._last: np.ndarray | None = None

    def __enter__(self) -> "VideoWriter":
        import av

        self.path.parent.mkdir(parents=True, exist_ok=True)
        sweep(self.path.parent)
        # faststart puts the index first, so that a player can begin before it has the whole file.
        self._container = av.open(
            str(self._temporary.absolute()), "w", format="mp4", options={"movflags": "faststart"}
        )
        self._container.metadata.update(self._metadata)
        self._video = self._container.add_stream("libx264", rate=FPS)
        self._video.width, self._video.height = self._size
        self._video.pix_fmt = "yuv420p"
        self._video.gop_size = FPS
        self._video.options = {"crf": str(self._crf), "preset": "veryfast"}
        context = self._video.codec_context
        context.time_base = Fraction(1, FPS)
        context.colorspace = context.color_primaries = context.color_trc = 1  # BT.709
        context.color_range = 1  # limited range, what players expect
        if self._sound is not None:
            self._audio = self._container.add_stream("aac", rate=SAMPLE_RATE, layout="stereo")
            self._audio.bit_rate = 128_000
        return self

    def write(self, frame: np.ndarray) -> None:
        """Append one frame, (height, width, 3) uint8 RGB, and the 40 ms of sound that belong to it.

        Raises:
            ValueError: If shape or type is wrong.
        """
        wanted = (self._size[1], self._size[0], 3)
        if frame.shape != wanted or frame.dtype != np.uint8:
            raise ValueError(f"a frame must be {wanted} uint8, got {frame.shape} {frame.dtype}")
        self._write_picture(frame)
        if self._sound is not None:
            self._write_sound(self._sound.take(SAMPLES_PER_FRAME))
        self._last = frame

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self._finish()
            else:
                self._close_quietly()
        finally:
            self._temporary.unlink(missing_ok=True)

    def _finish(self) -> None:
        if self._last is None:
            self._close_quietly()
            raise RunError(self.path, "no frame was rendered", "Give longer audio or a longer clip.")
        if self.leader == "sound" and self._sound is not None:
            while self._sound.more():
                self.write(self._last)
        streams: list[Any] = [self._video] if self._sound is None else [self._video, self._audio]
        for stream in streams:
            self._container.mux(stream.encode(None))
        self._container.close()
        fsync(self._temporary)
        self._temporary.replace(self.path)
        fsync(self.path.parent)

    def _close_quietly(self) -> None:
        # The file is thrown away; a second error while closing would hide the first.
        try:
            self._container.close()
        except Exception:
            return

    def _write_picture(self, frame: np.ndarray) -> None:
        import av
        from av.video.reformatter import ColorRange, Colorspace

        picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24").reformat(
            format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG
        )
        picture.pts, picture.time_base = self.frames, Fraction(1, FPS)
        self._container.mux(self._video.encode(picture))
        self.frames += 1

    def _write_sound(self, samples: np.ndarray) -> None:
        import av

        block = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="flt", layout="stereo")
        block.sample_rate, block.time_base = SAMPLE_RATE, Fraction(1, SAMPLE_RATE)
        block.pts = (self.frames - 1) * SAMPLES_PER_FRAME
        self._container.mux(self._audio.encode(block))


class _Blocks:
    """Cut a stream of sound blocks of any length into blocks of a fixed length, silence after the end."""

    def __init__(self, blocks: Iterator[np.ndarray]) -> None:
        self._blocks, self._rest = blocks, np.zeros((0, 2), np.float32)

    def more(self) -> bool:
        """Whether a sample is left."""
        self._fill(1)
        return len(self._rest) > 0

    def take(self, samples: int) -> np.ndarray:
        """The next (samples, 2) float32."""
        self._fill(samples)
        block, self._rest = self._rest[:samples], self._rest[samples:]
        return np.pad(block, ((0, samples - len(block)), (0, 0)))

    def _fill(self, samples: int) -> None:
        while len(self._rest) < samples:
            block: Any = next(self._blocks, None)
            if block is None:
                return
            self._rest = np.concatenate([self._rest, block])
