"""Frames and sound into one mp4, interleaved in step: a file that appears whole, or a stream for a pipe."""

from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, Literal

import numpy as np

from mimictalk.atomic import fsync, sweep, temporary_sibling
from mimictalk.errors import RunError
from mimictalk.sound import SoundBlocks
from mimictalk.video_coding import FPS as FPS
from mimictalk.video_coding import SAMPLES_PER_FRAME, Coding, add_sound, sound_of_frame

if TYPE_CHECKING:
    from av.container import OutputContainer

# A fragment every 0.2 s: a player can begin at once, and what was received stays readable.
FRAGMENTED = {"movflags": "frag_keyframe+delay_moov+default_base_moof", "frag_duration": "200000"}


class FrameWriter:
    """What both writers do: a frame and its 40 ms of sound go into an open container.

    Sound and picture start at 0 and end together. Sound that is too short is followed by silence. What
    happens when it is too long depends on who leads: with `leader="sound"` the last frame is held until the
    sound ends, so that no speech is cut; with `leader="picture"` the sound ends with the last frame.

    Args:
        sound: (n, 2) float32 blocks at 48 kHz, or None for a silent video without a sound track.
        leader: What decides the length.
        coding: Size and quality.

    Attributes:
        frames: Written so far.
    """

    def __init__(
        self, sound: Iterable[np.ndarray] | None, leader: Literal["sound", "picture"], coding: Coding
    ) -> None:
        self.leader, self.frames = leader, 0
        self._sound = None if sound is None else SoundBlocks(sound)
        self._coding = coding
        self._last: np.ndarray | None = None

    def write(self, frame: np.ndarray) -> None:
        """Append one frame, (height, width, 3) uint8 RGB, and the 40 ms of sound that belong to it.

        Raises:
            ValueError: If shape or type is wrong.
        """
        self._container.mux(self._video.encode(self._coding.picture(frame, self.frames)))
        if self._sound is not None:
            samples = self._sound.take(SAMPLES_PER_FRAME)
            self._container.mux(self._audio.encode(sound_of_frame(samples, self.frames)))
        self.frames += 1
        self._last = frame

    def _open(self, container: "OutputContainer", metadata: dict[str, str]) -> None:
        self._container = container
        container.metadata.update(metadata)
        self._video = self._coding.add_pictures(container)
        self._audio: Any = None if self._sound is None else add_sound(container)

    def _end(self, subject: object) -> None:
        if self._last is None:
            self._abandon()
            raise RunError(subject, "no frame was rendered", "Give longer audio or a longer clip.")
        if self.leader == "sound" and self._sound is not None:
            while self._sound.more():
                self.write(self._last)
        for stream in (self._video, self._audio):
            if stream is not None:
                self._container.mux(stream.encode(None))
        self._container.close()

    def _abandon(self) -> None:
        # What was written is thrown away; a second error while closing would hide the first.
        try:
            self._container.close()
        except Exception:
            return


class VideoWriter(FrameWriter):
    """Write a video of which nothing appears under its name until it is complete.

    Use as a context manager; an exception removes the unfinished file.

    Args:
        path: The file to make, .mp4.
        sound, leader: See `FrameWriter`.
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
        super().__init__(sound, leader, Coding(size, crf))
        self.path, self._metadata = path, metadata
        self._temporary = temporary_sibling(path)

    def __enter__(self) -> "VideoWriter":
        import av

        self.path.parent.mkdir(parents=True, exist_ok=True)
        sweep(self.path.parent)
        # faststart puts the index first, so that a player can begin before it has the whole file.
        options = {"movflags": "faststart"}
        name = str(self._temporary.absolute())
        self._open(av.open(name, "w", format="mp4", options=options), self._metadata)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is not None:
                self._abandon()
                return
            self._end(self.path)
            fsync(self._temporary)
            self._temporary.replace(self.path)
            fsync(self.path.parent)
        finally:
            self._temporary.unlink(missing_ok=True)


class StreamWriter(FrameWriter):
    """Write fragmented mp4 into a pipe while frames come; there is no going back.

    Use as a context manager; after an exception what was sent stays readable up to its last fragment.

    Args:
        stream: Binary file that is written to, such as the program's stdout.
        sound, leader: See `FrameWriter`.
        metadata: Container metadata, such as the mark.
        size: (width, height), even.
    """

    def __init__(
        self,
        stream: BinaryIO,
        sound: Iterable[np.ndarray] | None,
        *,
        leader: Literal["sound", "picture"],
        metadata: dict[str, str],
        size: tuple[int, int] = (512, 512),
    ) -> None:
        super().__init__(sound, leader, Coding(size, live=True))
        self._stream, self._metadata = stream, metadata

    def __enter__(self) -> "StreamWriter":
        import av

        self._open(av.open(_Pipe(self._stream), "w", format="mp4", options=FRAGMENTED), self._metadata)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._end("stdout")
        else:
            self._abandon()


class _Pipe:
    """A stream without a position, flushed at every write, so that a fragment leaves when it is ready."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def write(self, data: bytes) -> int:
        self._stream.write(data)
        self._stream.flush()
        return len(data)
