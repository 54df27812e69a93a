"""Read a user's video at 25 frames per second by time stamps, upright and with square pixels."""

import os
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

from face3dmm.ahead import ahead
from face3dmm.decoding import Decoder, check_file, check_stream, declared_duration, open_container
from face3dmm.errors import InputError
from face3dmm.timing import best_phase, resample
from face3dmm.upright import Enlarger, Orientation, Upright, upright_size

if TYPE_CHECKING:
    from av.container import InputContainer

Converted = TypeVar("Converted")
_PROBE_FRAMES = 150  # enough to see which frames a container repeats
_REGULAR_PROBE = 25


@dataclass(frozen=True)
class VideoInfo:
    """What is known about a video before all of it is read.

    Attributes:
        width, height: Of the upright picture with square pixels.
        duration: Seconds, or None where the container does not say.
        start: Seconds from the beginning of the sound to the first frame that is given (negative: the
            picture comes first); 0 without sound. Skip this much sound to put it in step.
        has_audio: Whether there is a sound stream.
    """

    width: int
    height: int
    duration: float | None
    start: float
    has_audio: bool


class Glance(NamedTuple):
    """What a first look at a frame needs.

    Attributes:
        thin: Some of its pixels, (h, w, 3) uint8 RGB.
        whole: Gives the whole picture where it is asked for: that costs more.
        crop: A window of it as `VideoReader.crops` gives it, where one was asked for.
    """

    thin: np.ndarray
    whole: Callable[[], np.ndarray]
    crop: np.ndarray | None


class VideoReader:
    """A checked video file that can be read again and again, a few frames in memory at a time.

    Frames are decoded and converted in a thread of their own, two ahead of what is given.

    Args:
        path: A regular local file.
        fps: Frames per second to give.
        max_seconds: Read no more than this from the start.

    Attributes:
        info: See `VideoInfo`.
        warnings: What was odd, in words; complete after one whole pass.

    Raises:
        InputError: If it is no readable video, has more than 36 million pixels or lasts over 60 minutes.
    """

    def __init__(
        self, path: str | os.PathLike[str], *, fps: float = 25.0, max_seconds: float | None = None
    ) -> None:
        if not fps > 0:
            raise ValueError(f"fps must be positive, got {fps}")
        if max_seconds is not None and not max_seconds > 0:
            raise ValueError(f"max_seconds must be positive, got {max_seconds}")
        self.path, self.fps, self.max_seconds = Path(path), fps, max_seconds
        self.warnings: list[str] = []
        check_file(self.path)
        with open_container(self.path) as container:
            check_stream(self.path, container, max_seconds)
            self._look(container)

    @property
    def expected_frames(self) -> int:
        """Number of frames that the container promises, 0 if it does not say; for progress only."""
        seconds = min(self.info.duration or 0.0, self.max_seconds or float("inf"))
        return round(seconds * self.fps)

    def __iter__(self) -> Iterator[np.ndarray]:
        return self.frames()

    def frames(self, longest: int | None = None) -> Generator[np.ndarray, None, None]:
        """Give whole frames (H, W, 3) uint8 RGB; a held frame is the same array again.

        Args:
            longest: Scale down so that no side has more pixels than this.
        """
        yield from self._converted(self._upright(self._scale(longest)))

    def glances(
        self, longest: int, thinning: int, crop: tuple[int, int, int] | None = None
    ) -> Iterator[Glance]:
        """Give of each frame some pixels, the whole where it is asked for, and perhaps a window.

        Args:
            longest: As in `frames`.
            thinning: Of so many pixels in a row or column of that picture one is given.
            crop: As in `crops`; 512 x 512 pixels of it are given.

        Yields:
            A glance; the same again for a held frame.
        """
        scale = self._scale(longest)
        thin, whole = self._upright(scale / thinning, "POINT"), self._upright(scale)
        cut = (lambda frame: None) if crop is None else self._window(crop, 512)
        yield from self._converted(lambda frame: Glance(thin(frame), lambda: whole(frame), cut(frame)))

    def crops(self, crop: tuple[int, int, int], size: int = 512) -> Iterator[np.ndarray]:
        """Give one square window of each frame, (size, size, 3) uint8 RGB.

        Args:
            crop: Left, top and side of the window in pixels of the upright picture.
            size: Width and height to scale it to.
        """
        yield from self._converted(self._window(crop, size))

    def _window(self, crop: tuple[int, int, int], size: int) -> Callable[[Any], np.ndarray]:
        x0, y0, side = crop
        width, height = self.info.width, self.info.height
        if side <= 0 or min(x0, y0) < 0 or x0 + side > width or y0 + side > height:
            raise ValueError(f"crop {crop} does not lie in the {width}x{height} picture")
        # A large picture is scaled before it is cut: one resampling, and never a full-size RGB copy.
        scale = min(1.0, size / side)
        upright, kept = self._upright(scale), size if scale < 1 else side
        x, y = min(round(x0 * scale), upright.width - kept), min(round(y0 * scale), upright.height - kept)
        window = slice(y, y + kept), slice(x, x + kept)
        enlarge = Enlarger(size) if kept != size else None

        def cut(frame: Any) -> np.ndarray:
            part = upright(frame, window)
            return part if enlarge is None else enlarge(part)

        return cut

    def _scale(self, longest: int | None) -> float:
        """By how much no side has more pixels than `longest`."""
        most = max(self.info.width, self.info.height)
        return min(1.0, (longest or most) / most)

    def _upright(self, scale: float, interpolation: str = "BICUBIC") -> Upright:
        # Rounded up: a window that touches the edge must find all its pixels.
        width, height = (max(1, int(np.ceil(v * scale - 1e-6))) for v in (self.info.width, self.info.height))
        return Upright(width, height, self._orientation, interpolation)

    def _converted(self, convert: Callable[[Any], Converted]) -> Iterator[Converted]:
        def each() -> Generator[Converted, None, None]:
            held: tuple[Any, Converted] | None = None
            for frame in self._resampled():
                if held is None or frame is not held[0]:
                    held = frame, convert(frame)
                yield held[1]

        yield from ahead(each())

    def _resampled(self) -> Iterator[Any]:
        limit = float("inf") if self.max_seconds is None else max(1, round(self.max_seconds * self.fps))
        with open_container(self.path) as container:
            decoder = Decoder(container, self.max_seconds)
            whole = False
            try:
                for count, frame in enumerate(
                    resample(decoder, self.fps, self._phase, lambda: decoder.last_for or 1 / self.fps)
                ):
                    if count >= limit:
                        return
                    yield frame
                whole = self.max_seconds is None
            finally:
                self.warnings += [text for text in decoder.remarks(whole) if text not in self.warnings]

    def _look(self, container: "InputContainer") -> None:
        """Decode the first few seconds: size, orientation, start, and the phase of the time grid."""
        stream = container.streams.video[0]
        probe = _REGULAR_PROBE if stream.average_rate == self.fps else _PROBE_FRAMES
        changes: list[float] = []
        small: np.ndarray | None = None
        first: Any = None
        decoder = Decoder(container)
        for _, frame in decoder:
            first = first or frame
            before, small = small, frame.reformat(64, 64, "gray").to_ndarray().astype(np.float32)
            changes.append(0.0 if before is None else float(np.abs(small - before).mean()))
            if len(changes) >= probe:
                break
        if first is None:
            raise InputError(self.path, "not one picture in it can be decoded", "Copy or export it again.")
        self._phase = best_phase(decoder.times, changes, self.fps)
        self._orientation = Orientation.of(first)
        aspect = float(stream.sample_aspect_ratio or 0)
        width, height = upright_size(first, aspect, self._orientation)
        audio = container.streams.audio[0] if container.streams.audio else None
        start = 0.0
        if audio is not None:
            start = decoder.times[0] + self._phase - float((audio.start_time or 0) * (audio.time_base or 0))
        self.info = VideoInfo(width, height, declared_duration(container), start, audio is not None)
        if self._orientation != Orientation():
            self.warnings.append("the picture is turned by its metadata: it is used upright")
        if width * height != first.width * first.height:
            self.warnings.append(f"the pixels are not square: it is used as {width}x{height}")
        if abs(start) > 0.5 / self.fps:
            order = "after" if start > 0 else "before"
            self.warnings.append(f"the picture starts {abs(start):.2f} s {order} the sound")


def open_video(
    path: str | os.PathLike[str], *, fps: float = 25.0, max_seconds: float | None = None
) -> VideoReader:
    """Check a video file and return its reader; see `VideoReader`."""
    return VideoReader(path, fps=fps, max_seconds=max_seconds)
