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
FRAGMENTED = {"movflags": "frag_keyframe+empty_moov+default_base_moof", "frag_duration": "200000"}


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
        self.path, self.leader = path, leader
        self._temporary = temporary_sibling(path)
        self._sound = None if sound is None else SoundBlocks(sound)
        self._metadata, self._coding = metadata, Coding(size, crf)
        self._last: np.ndarray | None = None

    def __enter__(self) -> "VideoWriter":
        import av

        self.path.parent.mkdir(parents=True, exist_ok=True)
        sweep(self.path.parent)
        # faststart puts the index first, so that a player can begin before it has the whole file.
        container = av.open(
            str(self._temporary.absolute()), "w", format="mp4", options={"movflags": "faststart"}
        )
        self._tracks = _Tracks(container, self._coding, self._metadata, self._sound is not None)
        return self

    @property
    def frames(self) -> int:
        """Frames written so far."""
        return self._tracks.frames

    def write(self, frame: np.ndarray) -> None:
        """Append one frame, (height, width, 3) uint8 RGB, and the 40 ms of sound that belong to it.

        Raises:
            ValueError: If shape or type is wrong.
        """
        samples = None if self._sound is None else self._sound.take(SAMPLES_PER_FRAME)
        self._tracks.write(frame, samples)
        self._last = frame

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self._finish()
            else:
                self._tracks.abandon()
        finally:
            self._temporary.unlink(missing_ok=True)

    def _finish(self) -> None:
        if self._last is None:
            self._tracks.abandon()
            raise RunError(self.path, "no frame was rendered", "Give longer audio or a longer clip.")
        if self.leader == "sound" and self._sound is not None:
            while self._sound.more():
                self.write(self._last)
        self._tracks.finish()
        fsync(self._temporary)
        self._temporary.replace(self.path)
        fsync(self.path.parent)


class StreamWriter:
    """Write fragmented mp4 into a pipe while frames come; there is no going back.

    Use as a context manager; after an exception what was sent stays readable up to its last fragment.

    Args:
        stream: Binary file, such as the program's stdout.
        has_sound: Whether there is a sound track.
        metadata: Container metadata, such as the mark.
        size: (width, height), even.
    """

    def __init__(
        self,
        stream: BinaryIO,
        has_sound: bool,
        *,
        metadata: dict[str, str],
        size: tuple[int, int] = (512, 512),
    ) -> None:
        import av

        container = av.open(_Pipe(stream), "w", format="mp4", options=FRAGMENTED, buffer_size=1 << 16)
        self._tracks = _Tracks(container, Coding(size, live=True), metadata, has_sound)

    @property
    def frames(self) -> int:
        """Frames written so far."""
        return self._tracks.frames

    def __enter__(self) -> "StreamWriter":
        return self

    def write(self, frame: np.ndarray, samples: np.ndarray | None) -> None:
        """Append one frame (height, width, 3) uint8 RGB and its (1920, 2) float32 samples at 48 kHz."""
        self._tracks.write(frame, samples)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._tracks.finish()
        else:
            self._tracks.abandon()


class _Pipe:
    """A stream without a position, flushed at every write, so that a fragment leaves when it is ready."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def write(self, data: bytes) -> int:
        self._stream.write(data)
        self._stream.flush()
        return len(data)


class _Tracks:
    """The streams of an open container, fed frame by frame."""

    def __init__(
        self, container: "OutputContainer", coding: Coding, metadata: dict[str, str], has_sound: bool
    ) -> None:
        self._container, self._coding, self.frames = container, coding, 0
        container.metadata.update(metadata)
        self._video = coding.add_pictures(container)
        self._audio: Any = add_sound(container) if has_sound else None

    def write(self, frame: np.ndarray, samples: np.ndarray | None) -> None:
        self._container.mux(self._video.encode(self._coding.picture(frame, self.frames)))
        if samples is not None:
            self._container.mux(self._audio.encode(sound_of_frame(samples, self.frames)))
        self.frames += 1

    def finish(self) -> None:
        for stream in (self._video, self._audio):
            if stream is not None:
                self._container.mux(stream.encode(None))
        self._container.close()

    def abandon(self) -> None:
        # The file is thrown away; a second error while closing would hide the first.
        try:
            self._container.close()
        except Exception:
            return
